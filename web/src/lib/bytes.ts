// Bytes as pages carry them: files compressed with gzip, as base 85; numbers as base 64.

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text.trim());
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// as Python's base64.b85encode, with a comma for "<", which could end a script element
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

export function fromBase85(text: string): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(128);
  for (let i = 0; i < DIGITS.length; i++) value[DIGITS.charCodeAt(i)] = i;
  const padding = (5 - (text.length % 5)) % 5;
  const padded = text + "~".repeat(padding);
  const view = new DataView(new ArrayBuffer((padded.length / 5) * 4));
  for (let i = 0, at = 0; i < padded.length; at += 4) {
    let word = 0;
    for (const end = i + 5; i < end; i++) word = word * 85 + value[padded.charCodeAt(i) & 127];
    view.setUint32(at, word);
  }
  return new Uint8Array(view.buffer.slice(0, view.byteLength - padding));
}

/** Undo gzip. Rejects for bytes that are damaged or cut off. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Little-endian float32 numbers in base64. */
export function floats(text: string): Float32Array {
  return new Float32Array(fromBase64(text).buffer);
}
