import type { SandboxSpec } from '../driver.ts'

/** The guest's address in virtio-vsock; each machine has a socket of its own, so all may have the same. */
const GUEST_CID = 3
/** Quiet, no PCI, and a panic ends the machine: what Firecracker's own documents recommend for a fast start. */
const BOOT_ARGUMENTS =
  'console=ttyS0 quiet loglevel=0 reboot=k panic=1 pci=off i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd'

export interface MachineFiles {
  /** Uncompressed kernel image. */
  readonly kernel: string
  /** Image of the root file system whose init is the guest agent. */
  readonly rootFileSystem: string
  /** Images of the function's folders, in the order of `/dev/vdb`, `/dev/vdc`, … */
  readonly folders: readonly string[]
  /** Of vsock; the guest's connections to port P come to `PATH_P`. */
  readonly socket: string
}

export interface MachineRequest {
  readonly method: 'PUT'
  readonly path: string
  readonly body: object
}

/** What Firecracker is asked for one environment, in its order; the last starts the machine. */
export function machineRequests(spec: SandboxSpec, files: MachineFiles): readonly MachineRequest[] {
  const put = (path: string, body: object): MachineRequest => ({ method: 'PUT', path, body })
  const drive = (id: string, path: string, root: boolean): MachineRequest =>
    put(`/drives/${id}`, { drive_id: id, path_on_host: path, is_root_device: root, is_read_only: true })
  return [
    put('/machine-config', {
      vcpu_count: Math.max(1, Math.ceil(spec.cpus ?? 1)),
      mem_size_mib: spec.memoryMb,
      smt: false,
    }),
    put('/boot-source', { kernel_image_path: files.kernel, boot_args: BOOT_ARGUMENTS }),
    drive('rootfs', files.rootFileSystem, true),
    ...files.folders.map((path, index) => drive(`folder${index}`, path, false)),
    put('/vsock', { guest_cid: GUEST_CID, uds_path: files.socket }),
    put('/actions', { action_type: 'InstanceStart' }),
  ]
}
