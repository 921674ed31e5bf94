/** A working page's map: mounted, themed, its ground kept up to date, its overlays pure functions of state. */
import { useQuery } from '@tanstack/vue-query'
import type { MapGeoJSONFeature } from 'maplibre-gl'
import { onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { api } from '@/api/client'
import type { Area, Bbox } from '@/api/types'
import { GROUPS } from '@/core/layers'
import { tileAddresses } from '@/core/tiles'
import { WorkMap, type Overlay } from '@/core/workmap'
import { useLook } from '@/look'
import { districtsWithUnits, rememberedDistrict } from '@/wall/home'

export interface LayerTiles {
  url: string
  minzoom: number
  maxzoom: number
  bounds: Bbox | null
}

/** Where a layer's tiles are now: the address carries the data's version. */
export async function layerTiles(key: string): Promise<LayerTiles> {
  const response = await fetch(`/tiles/${key}.json`, { credentials: 'same-origin' })
  if (!response.ok) throw new Error(`TileJSON of ${key}: HTTP ${response.status}`)
  const { tiles, bounds, minzoom, maxzoom } = (await response.json()) as { tiles: string[]; bounds?: Bbox; minzoom: number; maxzoom: number }
  const given = new URL(tiles[0]!, location.origin)
  return { url: `${location.origin}${decodeURI(given.pathname)}${given.search}`, minzoom, maxzoom, bounds: bounds ?? null }
}

export interface WorkMapUse {
  title: string
  hidden?: Ref<ReadonlySet<string>>
  overlays: Ref<readonly Overlay[]>
  onPick?(features: MapGeoJSONFeature[], at: { lon: number; lat: number }, adding: boolean): void
  onMove?(bbox: Bbox, zoom: number): void
}

export function useWorkMap(container: Readonly<ShallowRef<HTMLElement | null>>, use: WorkMapUse) {
  const look = useLook()
  const map = shallowRef<WorkMap | null>(null)
  const ready = ref(false)
  const zoom = ref(0)
  const areasQuery = useQuery({ queryKey: ['areas'], queryFn: api.areas, staleTime: 300_000 })
  const layersQuery = useQuery({ queryKey: ['layers'], queryFn: api.layers, staleTime: 300_000 })
  const asked = new URLSearchParams(location.search).get('view')?.split(',').map(Number)

  onMounted(() => {
    if (!container.value) return
    map.value = new WorkMap(
      { container: container.value, theme: look.theme, language: look.language, title: use.title, ...(use.hidden ? { hidden: use.hidden.value } : {}) },
      {
        onPick: (features, at, adding) => use.onPick?.(features, at, adding),
        onMove: (bbox, now) => {
          zoom.value = now
          use.onMove?.(bbox, now)
        },
        onReady: () => (ready.value = true),
      },
    )
    map.value.setOverlays(use.overlays.value)
    Object.assign(window, { work: { map: map.value.map, core: map.value } })
    if (asked?.length === 3 && asked.every(Number.isFinite)) map.value.map.jumpTo({ center: [asked[0]!, asked[1]!], zoom: asked[2]! })
    goHome()
    void place()
  })
  onBeforeUnmount(() => {
    map.value?.destroy()
    map.value = null
  })

  watch(() => look.theme, (theme) => map.value?.set({ theme }))
  watch(() => look.language, (language) => map.value?.set({ language }))
  watch(use.overlays, (overlays) => map.value?.setOverlays(overlays))
  if (use.hidden) watch(use.hidden, (hidden) => map.value?.set({ hidden }))

  /** The ground's tiles, also after its data has changed. */
  async function place(): Promise<void> {
    const layers = layersQuery.data.value
    if (!layers || !map.value) return
    const known = new Set(GROUPS.flatMap((group) => group.sources))
    try {
      map.value.set({ tiles: await tileAddresses(new Set(layers.map((layer) => layer.key).filter((key) => known.has(key)))) })
    } catch (error) {
      console.warn('tiles:', error)
    }
  }
  watch(layersQuery.data, () => void place())

  let homed = asked?.length === 3
  function goHome(): void {
    const areas: Area[] = areasQuery.data.value ?? []
    const districts = districtsWithUnits(areas, [])
    const home = districts.find((area) => area.code === rememberedDistrict()) ?? districts[0]
    if (homed || !map.value || !home?.bbox) return
    homed = true
    map.value.map.fitBounds(home.bbox, { padding: 28, animate: false })
  }
  watch(areasQuery.data, goHome)

  return { map, ready, zoom, place, areas: areasQuery.data }
}
