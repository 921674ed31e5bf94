/** Bytes of a frame, as the protocol says and independent of the decoder. */
export interface Row {
  id: number
  lon: number
  lat: number
  course?: number
  speed?: number
  age?: number
  kind?: number
  state?: number
}

export function frameBytes(kind: number, seq: number, time: number, rows: Row[], magic = 0x4d57, version = 1): ArrayBuffer {
  const n = rows.length
  const bytes = new ArrayBuffer(24 + 20 * n)
  const view = new DataView(bytes)
  view.setUint16(0, magic, true)
  view.setUint8(2, version)
  view.setUint8(3, kind)
  view.setUint32(4, seq, true)
  view.setUint32(8, n, true)
  view.setFloat64(16, time, true)
  rows.forEach((row, i) => {
    view.setUint32(24 + 4 * i, row.id, true)
    view.setInt32(24 + 4 * n + 4 * i, Math.round(row.lon * 1e7), true)
    view.setInt32(24 + 8 * n + 4 * i, Math.round(row.lat * 1e7), true)
    view.setUint16(24 + 12 * n + 2 * i, row.course ?? 65535, true)
    view.setUint16(24 + 14 * n + 2 * i, row.speed ?? 65535, true)
    view.setUint16(24 + 16 * n + 2 * i, row.age ?? 0, true)
    view.setUint8(24 + 18 * n + i, row.kind ?? 0)
    view.setUint8(24 + 19 * n + i, row.state ?? 1)
  })
  return bytes
}
