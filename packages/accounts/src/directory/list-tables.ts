import type Database from "better-sqlite3";
import type { Address } from "../address/address.ts";
import type { ListPosts } from "../auth-client.ts";
import type { ListRow } from "./directory-tables.ts";

/** Who stands beside the members of a list. */
export type ListRole = "owner" | "poster";

interface PersonRow {
  readonly list: number;
  readonly role: ListRole;
  readonly address: string;
}

/** The statements for mailing lists, by the number of the alias that a list is. */
export class ListTables {
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: Database.Database) {
    this.#statements = prepareAll(database);
  }

  list(alias: number): ListRow | undefined {
    const head = this.#statements.list.get(alias);
    if (head === undefined) return undefined;
    const people = (role: ListRole) => this.#statements.people.all(alias, role);
    return { ...head, owners: people("owner"), posters: people("poster") };
  }

  /** The addresses of lists after a place in the order of domain and local part. */
  addressesAfter(place: Address, domain: string | undefined, count: number): Address[] {
    return this.#statements.addressesAfter.all({
      afterDomain: place.domain,
      afterLocalPart: place.localPart,
      domain: domain ?? null,
      count,
    });
  }

  put(alias: number, { name, posts }: Pick<ListRow, "name" | "posts">): void {
    this.#statements.put.run(alias, name, posts);
  }

  insertPerson(alias: number, role: ListRole, address: string): boolean {
    return this.#statements.insertPerson.run(alias, role, address).changes > 0;
  }

  deletePerson(alias: number, role: ListRole, address: string): boolean {
    return this.#statements.deletePerson.run(alias, role, address).changes > 0;
  }

  /** One that has the new address already stays one. */
  updatePerson({ list, role, address }: PersonRow, to: string): void {
    this.#statements.updatePerson.run(to, list, role, address);
  }

  allPeople(): PersonRow[] {
    return this.#statements.allPeople.all();
  }
}

function prepareAll(db: Database.Database) {
  return {
    list: db.prepare<[number], { readonly name: string; readonly posts: ListPosts }>(
      "SELECT name, posts FROM lists WHERE alias = ?",
    ),
    people: db
      .prepare<[number, string], string>(
        "SELECT address FROM list_people WHERE list = ? AND role = ? ORDER BY address",
      )
      .pluck(),
    addressesAfter: db.prepare<[object], Address>(`
      SELECT local_part AS localPart, domain FROM lists JOIN aliases ON number = alias
      WHERE (domain, local_part) > (@afterDomain, @afterLocalPart)
        AND (@domain IS NULL OR domain = @domain)
      ORDER BY domain, local_part LIMIT @count`),
    put: db.prepare<[number, string, string]>(`
      INSERT INTO lists (alias, name, posts) VALUES (?, ?, ?)
      ON CONFLICT (alias) DO UPDATE SET name = excluded.name, posts = excluded.posts`),
    insertPerson: db.prepare<[number, string, string]>(
      "INSERT INTO list_people (list, role, address) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    ),
    deletePerson: db.prepare<[number, string, string]>(
      "DELETE FROM list_people WHERE list = ? AND role = ? AND address = ?",
    ),
    updatePerson: db.prepare<[string, number, string, string]>(
      "UPDATE OR REPLACE list_people SET address = ? WHERE list = ? AND role = ? AND address = ?",
    ),
    allPeople: db.prepare<[], PersonRow>("SELECT list, role, address FROM list_people"),
  };
}
