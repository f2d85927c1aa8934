/** Of a zip that is sent in the request itself (50 MB). */
export const MAX_ZIP_BYTES = 52_428_800

/** Of a function with all its layers, unpacked (250 MB); a zip that is fetched may have as much. */
export const MAX_UNZIPPED_BYTES = 262_144_000

/** Files and folders of one package. Large `node_modules` have 40,000. */
export const MAX_ENTRIES = 100_000

/** Bytes of a path within a package; Linux takes 4,096 for all of a path. */
export const MAX_PATH_BYTES = 2_048

/** Bytes of one name: what Linux takes. */
export const MAX_NAME_BYTES = 255

/** Bytes of where a symbolic link points to. */
export const MAX_LINK_BYTES = 1_024

/** Links that one path may go through: what Linux takes. */
export const MAX_LINK_HOPS = 40

/** Of a container image, unpacked (10 GB). */
export const MAX_IMAGE_BYTES = 10 * 1024 ** 3

/** Files and folders of one container image. */
export const MAX_IMAGE_ENTRIES = 2_000_000
