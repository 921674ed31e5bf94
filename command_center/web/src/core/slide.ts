/**
 * The deck.gl layer of moving units: one instanced draw for all of them.
 *
 * Positions glide in the vertex shader between two float32 offsets; the fragment shader draws the
 * unit as a distance field: body by kind (circle, square, hexagon, diamond), look by state (ring
 * only: offline; filled: standing; filled with a heading tip: moving; pulsing ring and "!": alert).
 */
import { Layer, project32, type DefaultProps, type LayerProps, type UpdateParameters } from '@deck.gl/core'
import { Geometry, Model } from '@luma.gl/engine'
import type { ShaderModule } from '@luma.gl/shadertools'

/** Half side of a unit's square, in body radii: room for the heading tip and the pulse. */
export const REACH = 2.6

const block = /* glsl */ `\
layout(std140) uniform slideUniforms {
  vec4 offlineColor;
  vec4 standingColor;
  vec4 movingColor;
  vec4 alertColor;
  vec4 rimColor;
  float clock;
  float radius;
  float bearing;
  float pulse;
  float hiddenKinds;
  float hiddenStates;
} slide;
`

type Rgba = [number, number, number, number]

interface SlideUniforms {
  offlineColor: Rgba
  standingColor: Rgba
  movingColor: Rgba
  alertColor: Rgba
  rimColor: Rgba
  clock: number
  radius: number
  bearing: number
  pulse: number
  hiddenKinds: number
  hiddenStates: number
}

const slideUniforms = {
  name: 'slide',
  vs: block,
  fs: block,
  uniformTypes: {
    offlineColor: 'vec4<f32>',
    standingColor: 'vec4<f32>',
    movingColor: 'vec4<f32>',
    alertColor: 'vec4<f32>',
    rimColor: 'vec4<f32>',
    clock: 'f32',
    radius: 'f32',
    bearing: 'f32',
    pulse: 'f32',
    hiddenKinds: 'f32',
    hiddenStates: 'f32',
  },
} as const satisfies ShaderModule<SlideUniforms>

export const vertexShader = /* glsl */ `\
#version 300 es
#define SHADER_NAME slide-layer-vertex-shader
in vec3 positions;
in vec3 instancePositions;
in vec3 instanceStarts;
in vec2 instanceGlides;
in vec3 instanceLooks;
out vec2 spot;
out float turn;
flat out int kind;
flat out int unitState;

bool hidden(float bits, float index) {
  return mod(floor(bits / exp2(index)), 2.0) > 0.5;
}

void main(void) {
  float part = instanceGlides.y > 0.0 ? clamp((slide.clock - instanceGlides.x) / instanceGlides.y, 0.0, 1.0) : 1.0;
  vec3 place = mix(instanceStarts, instancePositions, part);
  geometry.worldPosition = place;
  kind = int(instanceLooks.y + 0.5);
  unitState = int(instanceLooks.z + 0.5);
  turn = instanceLooks.x < 0.0 ? -1.0 : radians(instanceLooks.x - slide.bearing);
  spot = positions.xy * ${REACH.toFixed(1)};
  gl_Position = project_position_to_clipspace(place, vec3(0.0), vec3(0.0), geometry.position);
  gl_Position.xy += project_pixel_size_to_clipspace(spot * slide.radius);
  if (hidden(slide.hiddenKinds, instanceLooks.y) || hidden(slide.hiddenStates, instanceLooks.z)) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
}
`

export const fragmentShader = /* glsl */ `\
#version 300 es
#define SHADER_NAME slide-layer-fragment-shader
precision highp float;
in vec2 spot;
in float turn;
flat in int kind;
flat in int unitState;
out vec4 fragColor;

float box(vec2 p, vec2 b, float r) {
  vec2 d = abs(p) - b + r;
  return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0) - r;
}
float hexagon(vec2 p, float r) {
  p = abs(p);
  return max(p.x * 0.8660254 + p.y * 0.5, p.y) - r;
}
float body(vec2 p) {
  if (kind == 1) return box(p, vec2(0.9), 0.28);
  if (kind == 2) return hexagon(p, 0.95);
  if (kind == 3) return box(mat2(0.7071, -0.7071, 0.7071, 0.7071) * p, vec2(0.86), 0.16);
  return length(p) - 1.0;
}
float tip(vec2 p) {
  float c = cos(turn), s = sin(turn);
  vec2 q = vec2(c * p.x - s * p.y, s * p.x + c * p.y);
  q.y -= 1.16;
  vec2 a = vec2(abs(q.x), q.y);
  return max(dot(a, vec2(0.8, 0.6)) - 0.52, -q.y);
}
float glyph(vec2 p) {
  if (unitState == 3) return min(box(p - vec2(0.0, 0.16), vec2(0.13, 0.36), 0.06), length(p + vec2(0.0, 0.46)) - 0.15);
  if (kind == 0) return min(length(p - vec2(0.0, 0.3)) - 0.25, max(length(p + vec2(0.0, 0.58)) - 0.52, -p.y - 0.55));
  if (kind == 1) return min(box(p - vec2(-0.12, 0.06), vec2(0.34, 0.26), 0.06), min(box(p - vec2(0.38, -0.03), vec2(0.16, 0.18), 0.05), min(length(p - vec2(-0.22, -0.3)) - 0.13, length(p - vec2(0.32, -0.3)) - 0.13)));
  if (kind == 2) return min(max(box(p - vec2(-0.1, 0.1), vec2(0.42, 0.24), 0.02), dot(p - vec2(-0.5, 0.0), vec2(-0.8, -0.6)) - 0.12), min(box(p - vec2(0.44, 0.0), vec2(0.14, 0.2), 0.04), min(length(p - vec2(-0.2, -0.3)) - 0.13, length(p - vec2(0.34, -0.3)) - 0.13)));
  return min(max(box(p - vec2(0.0, 0.16), vec2(0.36, 0.24), 0.04), -10.0), max(abs(p.x) * 0.85 + abs(p.y + 0.05) * 0.62 - 0.32, p.y));
}
vec4 over(vec4 top, vec4 under) {
  float a = top.a + under.a * (1.0 - top.a);
  return a > 0.0 ? vec4((top.rgb * top.a + under.rgb * under.a * (1.0 - top.a)) / a, a) : vec4(0.0);
}

void main(void) {
  float px = 1.0 / slide.radius;
  vec4 tint = unitState == 0 ? slide.offlineColor : unitState == 1 ? slide.standingColor : unitState == 2 ? slide.movingColor : slide.alertColor;
  float shape = body(spot);
  float rim = max(1.3 * px, 0.14);
  float outline = shape;
  bool heading = turn >= 0.0 && (unitState == 2 || unitState == 3) && slide.radius > 4.0;
  float arrow = heading ? tip(spot) : 1.0;
  outline = min(outline, arrow);

  vec4 color = vec4(0.0);
  if (unitState == 3) {
    float ring = 1.0 + slide.pulse * 1.5;
    float wave = 1.0 - smoothstep(0.0, 2.5 * px, abs(length(spot) - ring) - 0.06);
    color = vec4(tint.rgb, wave * (1.0 - slide.pulse) * 0.9);
    color = over(color, vec4(tint.rgb, 0.16 * (1.0 - smoothstep(1.0, 2.5, length(spot)))));
  } else if (unitState == 2) {
    color = vec4(tint.rgb, 0.22 * (1.0 - smoothstep(0.8, 2.2, length(spot))));
  }
  color = over(vec4(slide.rimColor.rgb, slide.rimColor.a * (1.0 - smoothstep(rim - px, rim, outline))), color);
  float fill = 1.0 - smoothstep(-px, 0.0, outline);
  if (unitState == 0) {
    float hollow = 1.0 - smoothstep(-0.36 - px, -0.36, shape);
    color = over(vec4(tint.rgb, tint.a * fill * (1.0 - hollow * 0.75)), color);
  } else {
    color = over(vec4(tint.rgb, tint.a * fill), color);
  }
  if (slide.radius > 6.5) {
    float ink = 1.0 - smoothstep(-px * 0.7, px * 0.7, glyph(spot));
    color = over(vec4(slide.rimColor.rgb, 0.92 * ink * smoothstep(6.5, 8.0, slide.radius)), color);
  }
  if (color.a < 0.004) discard;
  fragColor = color;
}
`

export interface SlideColors {
  offline: Rgba
  standing: Rgba
  moving: Rgba
  alert: Rgba
  rim: Rgba
}

interface SlideProps {
  /** Pixels. */
  radius: number
  colors: SlideColors
  /** Seconds on the clock the glides are written in. */
  clock: () => number
  /** Map bearing in degrees. */
  bearing: () => number
  /** True while something moves or pulses. */
  lively: () => boolean
  /** Seconds of one pulse; 0 keeps the ring still. */
  pulseSeconds: number
  /** Bit sets of kind and state codes not to draw. */
  hiddenKinds: number
  hiddenStates: number
}

export type SlideLayerProps = SlideProps & LayerProps & { data: unknown }

const noop = () => 0

const origin = { type: 'accessor', value: [0, 0, 0] }

const defaultProps: DefaultProps<SlideLayerProps> = {
  getPosition: origin,
  getStart: origin,
  getGlide: { type: 'accessor', value: [0, 0] },
  getLook: origin,
  radius: 6,
  clock: { type: 'function', value: noop },
  bearing: { type: 'function', value: noop },
  lively: { type: 'function', value: () => false },
  pulseSeconds: 1.2,
  hiddenKinds: 0,
  hiddenStates: 0,
} as DefaultProps<SlideLayerProps>

export class SlideLayer extends Layer<Required<SlideProps>> {
  static override layerName = 'SlideLayer'
  static override defaultProps = defaultProps

  declare state: { model?: Model }

  override getShaders() {
    return super.getShaders({ vs: vertexShader, fs: fragmentShader, modules: [project32, slideUniforms] })
  }

  override initializeState(): void {
    this.getAttributeManager()!.addInstanced({
      instancePositions: { size: 3, type: 'float32', accessor: 'getPosition' },
      instanceStarts: { size: 3, type: 'float32', accessor: 'getStart' },
      instanceGlides: { size: 2, type: 'float32', accessor: 'getGlide' },
      instanceLooks: { size: 3, type: 'float32', accessor: 'getLook' },
    })
  }

  override updateState(parameters: UpdateParameters<this>): void {
    super.updateState(parameters)
    if (parameters.changeFlags.extensionsChanged || !this.state.model) {
      this.state.model?.destroy()
      this.state.model = this.makeModel()
      this.getAttributeManager()!.invalidateAll()
    }
  }

  override draw(): void {
    const { colors, clock, bearing, lively, pulseSeconds, radius, hiddenKinds, hiddenStates } = this.props
    const model = this.state.model!
    const now = clock()
    model.shaderInputs.setProps({
      slide: {
        offlineColor: colors.offline,
        standingColor: colors.standing,
        movingColor: colors.moving,
        alertColor: colors.alert,
        rimColor: colors.rim,
        clock: now,
        radius,
        bearing: bearing(),
        pulse: pulseSeconds > 0 ? (now / pulseSeconds) % 1 : 0.35,
        hiddenKinds,
        hiddenStates,
      } satisfies SlideUniforms,
    })
    model.draw(this.context.renderPass)
    if (lively()) this.setNeedsRedraw()
  }

  private makeModel(): Model {
    return new Model(this.context.device, {
      ...this.getShaders(),
      id: this.props.id,
      bufferLayout: this.getAttributeManager()!.getBufferLayouts(),
      geometry: new Geometry({
        topology: 'triangle-strip',
        attributes: { positions: { size: 3, value: new Float32Array([-1, -1, 0, 1, -1, 0, -1, 1, 0, 1, 1, 0]) } },
      }),
      isInstanced: true,
    })
  }
}
