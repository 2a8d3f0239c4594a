import assert from "node:assert/strict";
import {
  closeSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lockInstance } from "../src/directory/instance-lock.ts";
import { openDatabase } from "../src/directory/open-database.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

const first = "CREATE TABLE fruit (name TEXT) STRICT";
const second = "ALTER TABLE fruit ADD COLUMN weight INTEGER";
const settings = { what: "directory", mode: 0o600, migrations: [first] };

function withDatabase() {
  const on = temporaryDirectory();
  const path = join(on.path, "directory.sqlite");
  const database = openDatabase(path, settings);
  database.exec("INSERT INTO fruit VALUES ('apple')");
  database.close();
  return { path, [Symbol.dispose]: () => on[Symbol.dispose]() };
}

test("a new database is the owner's alone, in WAL and with full syncs", () => {
  using made = withDatabase();
  const database = openDatabase(made.path, settings);
  assert.equal(database.pragma("journal_mode", { simple: true }), "wal");
  assert.equal(database.pragma("synchronous", { simple: true }), 2);
  for (const file of ["", "-wal", "-shm"]) {
    assert.equal(statSync(made.path + file).mode & 0o777, 0o600, file);
  }
  database.close();
});

test("an older database is brought to the version of today with what it holds", () => {
  using made = withDatabase();
  const database = openDatabase(made.path, { ...settings, migrations: [first, second] });
  assert.deepEqual(database.prepare("SELECT * FROM fruit").all(), [
    { name: "apple", weight: null },
  ]);
  database.close();
});

test("a migration that fails leaves the version before it", () => {
  using made = withDatabase();
  const broken = { ...settings, migrations: [first, `${second}; CREATE nonsense`] };
  assert.throws(() => openDatabase(made.path, broken), { name: "DatabaseError" });
  const database = openDatabase(made.path, settings);
  assert.deepEqual(database.prepare("SELECT * FROM fruit").all(), [{ name: "apple" }]);
  database.close();
});

test("a database of a newer Posthouse is refused", () => {
  using made = withDatabase();
  openDatabase(made.path, { ...settings, migrations: [first, second] }).close();
  assert.throws(() => openDatabase(made.path, settings), { message: /newer Posthouse$/ });
});

const damages: { name: string; damage: (path: string) => void }[] = [
  { name: "text", damage: (path) => writeFileSync(path, "not a database\n".repeat(1000)) },
  { name: "emptied", damage: (path) => truncateSync(path) },
  { name: "cut short", damage: (path) => truncateSync(path, 5000) },
  {
    name: "overwritten in the middle",
    damage: (path) => {
      const file = openSync(path, "r+");
      writeSync(file, Buffer.alloc(6000, 0xaa), 0, 6000, 4200);
      closeSync(file);
    },
  },
];

for (const { name, damage } of damages) {
  test(`a database that is ${name} is reported in one sentence and left as it is`, () => {
    using made = withDatabase();
    damage(made.path);
    const before = readFileSync(made.path);
    assert.throws(
      () => openDatabase(made.path, settings),
      (error: Error) => {
        assert.equal(error.name, "DatabaseError");
        assert.match(
          error.message,
          /^Cannot open the directory ".*": it is damaged \(.*\); .*backup$/s,
        );
        return true;
      },
    );
    assert.deepEqual(readFileSync(made.path), before);
  });
}

test("what a crash left of a database that was being made is thrown away", () => {
  using on = temporaryDirectory();
  const path = join(on.path, "directory.sqlite");
  writeFileSync(`${path}.new`, "half");
  writeFileSync(`${path}.new-wal`, "half");
  openDatabase(path, settings).close();
});

test("a directory that is not there is named", () => {
  using on = temporaryDirectory();
  assert.throws(() => openDatabase(join(on.path, "none", "directory.sqlite"), settings), {
    message: /^Cannot make the directory .*: its directory does not exist$/,
  });
});

test("only one holds the lock, and the next has it when the first lets go", () => {
  using on = temporaryDirectory();
  const path = join(on.path, "auth.lock");
  const held = lockInstance(path);
  assert.throws(() => lockInstance(path), { message: /another auth is running$/ });
  held[Symbol.dispose]();
  lockInstance(path)[Symbol.dispose]();
});
