/** The server cannot start until an operator mends something; the message says what. */
export class StartError extends Error {
  override readonly name = "StartError";
}
