/** A model with a part that ONNX can't express, or that nothing here writes; the message names the part. */
export class OnnxExportError extends Error {
  override readonly name = 'OnnxExportError';
}
