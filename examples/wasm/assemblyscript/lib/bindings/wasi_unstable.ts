// Where the SDK looks for it; AssemblyScript no longer brings it.
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
export declare function proc_exit(code: u32): void
