import { fileURLToPath } from 'node:url'

/** Where `npm run build:web` puts the page's script, for places without esbuild. */
export const BUNDLE = fileURLToPath(new URL('../../web/dist/page.js', import.meta.url))
