/** Each file as a `google.protobuf.FileDescriptorProto` in base64: the bundler makes them. */
declare module '*.proto' {
  const files: readonly string[]
  export default files
}
