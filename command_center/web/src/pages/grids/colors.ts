/** Colours of topology issues on the map and in lists: the same in both. */
import type { GridIssueKind } from '@/api/city'

export const ISSUE_KINDS: GridIssueKind[] = ['gap', 'overlap', 'crossing', 'building_cut', 'sliver', 'too_small', 'too_large']
/** Those that forbid publishing come first and burn. */
export const ISSUE_COLORS: Record<GridIssueKind, string> = { gap: '#ff4d5e', overlap: '#ff4d5e', crossing: '#ff4d5e', building_cut: '#c77dff', sliver: '#f2a93b', too_small: '#f2a93b', too_large: '#3fa7ff' }
