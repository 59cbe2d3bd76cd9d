import type { Chunk, Column, ColumnBatch } from '#tideline/retention';

/** A part of a chunk: accepted rows `[rowStart, rowEnd)` and every rejection from the byte where it starts to the byte where it ends. */
export function sliceChunk(chunk: Chunk, rowStart: number, rowEnd: number): Chunk {
  const byteOffsetStart = rowStart === 0 ? chunk.byteOffsetStart : chunk.byteOffsets[rowStart];
  const byteOffsetEnd = rowEnd === chunk.batch.rowCount ? chunk.byteOffsetEnd : chunk.byteOffsets[rowEnd];
  const rejections = chunk.rejections.filter(({ byteOffset }) => byteOffset >= byteOffsetStart && byteOffset < byteOffsetEnd);
  const { originals } = chunk;
  return {
    batch: sliceBatch(chunk.batch, rowStart, rowEnd),
    byteOffsets: chunk.byteOffsets.subarray(rowStart, rowEnd),
    ...(originals && { originals: sliceVariable(originals, rowStart, rowEnd) }),
    rejections,
    rowsRead: rowEnd - rowStart + rejections.length,
    byteOffsetStart,
    byteOffsetEnd,
  };
}

function sliceBatch(batch: ColumnBatch, rowStart: number, rowEnd: number): ColumnBatch {
  return { rowCount: rowEnd - rowStart, names: batch.names, columns: batch.columns.map((column) => sliceColumn(column, rowStart, rowEnd)) };
}

function sliceColumn({ type, values, offsets, nulls }: Column, rowStart: number, rowEnd: number): Column {
  const slicedNulls = nulls === undefined ? {} : { nulls: nulls.subarray(rowStart, rowEnd) };
  if (offsets === undefined) return { type, values: values.subarray(rowStart, rowEnd), ...slicedNulls };
  const sliced = offsets.subarray(rowStart, rowEnd + 1).map((offset) => offset - offsets[rowStart]);
  return { type, values: values.subarray(offsets[rowStart], offsets[rowEnd]), offsets: sliced, ...slicedNulls };
}

function sliceVariable(lines: { readonly offsets: Int32Array; readonly bytes: Uint8Array }, rowStart: number, rowEnd: number): { offsets: Int32Array; bytes: Uint8Array } {
  const { offsets, bytes } = lines;
  return {
    offsets: offsets.subarray(rowStart, rowEnd + 1).map((offset) => offset - offsets[rowStart]),
    bytes: bytes.subarray(offsets[rowStart], offsets[rowEnd]),
  };
}
