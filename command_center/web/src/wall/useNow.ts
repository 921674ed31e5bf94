import { onBeforeUnmount, ref } from 'vue'

/** The time, once a second, epoch ms. */
export function useNow() {
  const now = ref(Date.now())
  const timer = setInterval(() => (now.value = Date.now()), 1000)
  onBeforeUnmount(() => clearInterval(timer))
  return now
}
