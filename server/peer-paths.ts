export const PEER_CONTENT_TYPE = "application/octet-stream";

export function peerPath(version: number): string {
  return `/v${version}/epoxy/message`;
}
