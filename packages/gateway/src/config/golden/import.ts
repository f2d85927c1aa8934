import { routes } from './nowhere.ts'
export default { routes }
