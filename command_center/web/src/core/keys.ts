/** Single-key commands. They sleep while something is being typed. */

/** `KeyboardEvent.key`, lower case for letters. */
export type KeyMap = Record<string, (event: KeyboardEvent) => void>

function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName))
  )
}

/** A dialog that is open has the keys to itself: Escape closes it and nothing behind it. */
function dialogOpen(): boolean {
  return [...document.querySelectorAll('[role="dialog"][aria-modal="true"]')].some((dialog) => dialog.getClientRects().length > 0)
}

/** Listens until the returned function is called. `Escape` works while typing too. */
export function bindKeys(keys: KeyMap): () => void {
  /** Asked before anybody acts on the key: the dialog that it closes is gone afterwards. */
  let forDialog = false
  const look = () => (forDialog = dialogOpen())
  const listen = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    if (typing(event.target) && event.key !== 'Escape') return
    if (forDialog) return
    const command = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (!command) return
    if (event.key !== 'Escape') event.preventDefault()
    command(event)
  }
  window.addEventListener('keydown', look, true)
  window.addEventListener('keydown', listen)
  return () => {
    window.removeEventListener('keydown', look, true)
    window.removeEventListener('keydown', listen)
  }
}
