/** Row-major [rows, columns] as row-major [columns, rows]. */
export function transposed(values: ArrayLike<number>, rowCount: number, columnCount: number): Float64Array {
  return Float64Array.from({ length: rowCount * columnCount }, (_, at) => values[(at % rowCount) * columnCount + Math.floor(at / rowCount)]!);
}
