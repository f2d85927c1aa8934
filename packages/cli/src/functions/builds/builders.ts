import type { Builder, Project } from './build.ts'

/** The builder of a project; loaded for it alone. */
export async function builderOf(project: Project): Promise<Builder> {
  switch (project.language) {
    case 'rust':
      return (await import('./cargo-build.ts')).cargoBuilder(project)
    case 'go':
      return (await import('./go-build.ts')).goBuilder(project)
    case 'nodejs':
      if (project.settings.bundle !== false) return (await import('./node-build.ts')).nodeBuilder(project)
  }
  return (await import('./files-build.ts')).filesBuilder(project)
}
