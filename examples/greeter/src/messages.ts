/** `helloworld.HelloRequest`, with the names of the .proto file: reflection tells them as they are loaded. */
export interface HelloRequest {
  readonly name: string
  readonly delay_ms: number
  readonly count: number
}

/** `helloworld.HelloReply`. */
export interface HelloReply {
  readonly message: string
}
