// What others can build pages of their own from; see docs/explorer.md.

export { floats, fromBase64, inflate } from "./bytes";
export { DrawingPad } from "./drawing";
export { Latest } from "./latest";
export { diverging, hue, imageData, paint, pixelsOf } from "./paint";
export { LatentPlane } from "./plane";
export { Decoder, Encoder, provideRuntime, unsupported } from "./runtime";
export type { DecoderOptions, EncoderOptions, Images, Posteriors, Shape, Spread } from "./runtime";
export { LatentSliders } from "./sliders";
export type { LatentLabel, LatentRange } from "./sliders";
export { Strip } from "./strip";
