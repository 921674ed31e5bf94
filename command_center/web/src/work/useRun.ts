/** One request at a time with its state: working, and what went wrong last. */
import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'

export interface Run {
  busy: Ref<boolean>
  error: ShallowRef<unknown>
  /** What `act` gives; null where it failed, with the reason in `error`. */
  run: <T>(act: () => Promise<T>) => Promise<T | null>
}

export function useRun(): Run {
  const busy = ref(false)
  const error = shallowRef<unknown>(null)

  async function run<T>(act: () => Promise<T>): Promise<T | null> {
    busy.value = true
    error.value = null
    try {
      return await act()
    } catch (problem) {
      error.value = problem
      return null
    } finally {
      busy.value = false
    }
  }

  return { busy, error, run }
}
