export { AddressError, type Cidr, parseCidr } from './cidr.ts'
export { CidrSet } from './cidr-set.ts'
export { type AddressWords, parseAddress } from './parse-address.ts'
