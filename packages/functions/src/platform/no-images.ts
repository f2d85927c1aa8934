import type { ImageLibrary } from '../packages/image/image-library.ts'

/** For a platform that takes no container images. */
export const NO_IMAGES: ImageLibrary = {
  take: () => Promise.reject(new Error('container images are not served here')),
  directory: (digest) => `/nowhere/${digest}`,
  ready: () => false,
  prepare: () => Promise.reject(new Error('container images are not served here')),
  collect: () => Promise.resolve(0),
}
