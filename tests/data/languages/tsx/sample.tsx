import React, { useState } from 'react'
import { Button } from './button'
import type { Props } from './types'

const Page = React.lazy(() => import('./page'))

/** Counts clicks. */
export const Counter = React.memo(({ start }: Props) => {
  const [count, setCount] = useState<number>(start)
  const add = () => {
    setCount(count + 1)
  }
  return <Button onClick={add}>{count > 3 ? <Page.Body /> : <b>{count}</b>}</Button>
})

export default function App(): JSX.Element {
  return <Counter start={1} />
}
