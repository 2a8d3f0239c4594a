export interface LockFile {
  packages: Record<string, LockedPackage>;
}

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface MissingPackage {
  readonly name: string;
  readonly version: string;
  readonly isDev: boolean;
}

/** Optional dependencies that the lock file does not hold. */
export function missingOptional({ packages }: LockFile): MissingPackage[] {
  return Object.entries(packages).flatMap(([from, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !isFoundFrom(from, name, packages))
      .map(([name, range]) => ({ name, version: range.replace(/^[\^~]/, ""), isDev: dev })),
  );
}

/** In the node_modules of the package, or of a folder above it. */
function isFoundFrom(from: string, name: string, packages: LockFile["packages"]): boolean {
  for (
    let folder = from;
    ;
    folder = folder.slice(0, folder.lastIndexOf("node_modules/")).replace(/\/$/, "")
  ) {
    if (`${folder === "" ? "" : `${folder}/`}node_modules/${name}` in packages) return true;
    if (folder === "" || !folder.includes("node_modules/"))
      return `node_modules/${name}` in packages;
  }
}

const systems = new Set(["android", "darwin", "freebsd", "linux", "openharmony", "win32"]);
const processors = new Set(["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "x64"]);
const otherNames: Readonly<Record<string, string>> = { windows: "win32", "64": "x64" };

/** What its name says of the platform: `@turbo/windows-64`, `@oxlint/binding-linux-x64-musl`. */
export function stubOf({ name, version, isDev }: MissingPackage): LockedPackage {
  const words = (name.split("/").at(-1) ?? "").split("-").map((word) => otherNames[word] ?? word);
  const os = words.filter((word) => systems.has(word));
  const cpu = words.filter((word) => processors.has(word));
  return {
    version,
    optional: true,
    ...(isDev && { dev: true }),
    ...(os.length > 0 && { os }),
    ...(cpu.length > 0 && { cpu }),
    ...(words.includes("musl") && { libc: ["musl"] }),
    ...(words.includes("gnu") && os.includes("linux") && { libc: ["glibc"] }),
  };
}
