export const PEER_CONTENT_TYPE = "application/octet-stream";

export function peerPath(version: number): string {
  return `/v${version}/epoxy/message`;
}

/** In the answer to a message of a version that is not the latest: all that this build speaks, with commas between. */
export const VERSIONS_HEADER = "epoxy-versions";
