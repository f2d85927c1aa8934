/** What a runtime, which is a stranger's program, can make grow here. Sizes in bytes. */

/** A buffered response: 6 MiB and 100 bytes, as on AWS. Also of what is posted as an error. */
export const MAX_RESPONSE_BYTES = 6_291_556
/** A streamed response, as on AWS since July 2025: 200 MiB. */
export const MAX_STREAMED_BYTES = 209_715_200
/**
 * A request's head. Clients put the JSON of a stack trace into it: Python's at its recursion limit is 1,000 frames of some 60 bytes, and AWS's clients
 * send up to 1 MiB. 128 connections of 256 KiB are 32 MiB.
 */
export const MAX_HEAD_BYTES = 262_144
/** `Lambda-Runtime-Function-XRay-Error-Cause`; a longer one is cropped. */
export const MAX_ERROR_CAUSE_BYTES = 65_536
/** Open connections of one environment: its runtime, ten extensions, and the threads of a runtime that serves several events. More are closed. */
export const MAX_CONNECTIONS = 128
/** An answer of 4xx waits for so much of a body that nobody wants: clients that send all before they read would meet a reset. */
export const MAX_SWALLOWED_BYTES = 67_108_864
export const MAX_EXTENSIONS = 10
/** Body of a registration or a subscription. */
export const MAX_REGISTRATION_BYTES = 65_536
/** Text at the end of a stream that may turn out to be its error: see `error-text.ts`. */
export const MAX_ERROR_TEXT_BYTES = 65_536
