import { project32 } from '@deck.gl/core'
import { describe, expect, it } from 'vitest'

import { fragmentShader, SlideLayer, vertexShader } from '../src/core/slide'

/** The layer's own shaders lean on functions of deck's projection module: they must still be there. */
describe('SlideLayer', () => {
  const projection = [project32.vs, ...(project32.dependencies ?? []).map((module) => module.vs)].join('\n')

  it.each(['project_position_to_clipspace', 'project_pixel_size_to_clipspace'])('calls %s, which deck has', (name) => {
    expect(vertexShader).toContain(`${name}(`)
    expect(projection).toMatch(new RegExp(`vec\\d ${name}\\(`))
  })

  it('reads every attribute and uniform it declares', () => {
    for (const name of ['instancePositions', 'instanceStarts', 'instanceGlides', 'instanceLooks'])
      expect(vertexShader.split(name).length).toBeGreaterThan(2)
    for (const name of ['offlineColor', 'standingColor', 'movingColor', 'alertColor', 'rimColor', 'pulse', 'radius']) expect(fragmentShader).toContain(`slide.${name}`)
    for (const name of ['clock', 'bearing', 'hiddenKinds', 'hiddenStates']) expect(vertexShader).toContain(`slide.${name}`)
  })

  it('gives its attributes by accessors that need no data', () => {
    for (const accessor of ['getPosition', 'getStart', 'getGlide', 'getLook']) expect(SlideLayer.defaultProps).toHaveProperty(accessor)
  })
})
