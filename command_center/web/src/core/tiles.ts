/** Asks the platform where its tiles are, by TileJSON, for the layers this viewer may see. */
import { TILE_SETS } from './layers'
import type { TileAddress } from './style'

interface TileJson {
  tiles: string[]
  bounds?: [number, number, number, number]
}

/** `allowed`: keys of the layer catalogue. A set nothing of which is allowed is left out. */
export async function tileAddresses(allowed: ReadonlySet<string>, origin: string = location.origin): Promise<TileAddress[]> {
  const sets = TILE_SETS.map((set) => ({ key: set.key, layers: set.layers.filter((layer) => allowed.has(layer)) })).filter((set) => set.layers.length > 0)
  return Promise.all(
    sets.map(async ({ key, layers }) => {
      const response = await fetch(`${origin}/tiles/${layers.join(',')}.json`, { credentials: 'same-origin' })
      if (!response.ok) throw new Error(`TileJSON of ${layers.join(',')}: HTTP ${response.status}`)
      const { tiles, bounds } = (await response.json()) as TileJson
      const given = new URL(tiles[0]!, origin)
      return { set: key, layers, url: `${origin}${decodeURI(given.pathname)}${given.search}`, bounds }
    }),
  )
}
