import type { Shape } from './shape'
import base, * as tools from '@lib/tools'
import './polyfill.js'
import legacy = require('legacy')
export * from './all'
export { one as two } from './numbers'

/** A point. */
export interface Point<T> extends Shape, Named<T> {
  /** Across. */
  readonly x: number
  move(by: Point<T>): void
}

export type Either = Left | { right: string }

export enum Color { Red = 1, Green }

declare module 'legacy' {
  export function load(path: string): Color
}

namespace Inner {
  export const depth = 3
}

export function area(side: number): number
export function area(width: number, height: number): number
/** Area of it. */
export function area(a: number, b?: number): number {
  return b === undefined ? a * a : a * b
}

@sealed
export abstract class Plane<T> extends Base<T> implements Point<T>, tools.Seen {
  private cache: Map<string, T> = new Map()
  constructor(readonly x: number) { super() }
  protected abstract draw(on: Color): void
  fly = async (to: Point<T>): Promise<void> => { await fetch('/fly') }
  move(by: Point<T>) { this.cache.clear() }
}

const hidden = (value: unknown) => value as Either
export { hidden }
export default new Plane(1)
