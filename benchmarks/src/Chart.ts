/**
 * The pictures of `docs/benchmarks.md`: horizontal bars as SVG, each with its value, and the extremes of the rounds as a line.
 *
 * Drawn by ECharts without a browser; it is installed with the peers, so that nobody who does not measure fetches it.
 */

import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from "node:fs"
import { reasonOf } from "@daybook/core/Problem"
import { loadPeer } from "./Peers.ts"
import type { Bar, Chart } from "./Report.ts"

interface Echarts {
  readonly init: (
    element: null,
    theme: null,
    options: { readonly renderer: "svg"; readonly ssr: true; readonly width: number; readonly height: number }
  ) => {
    readonly setOption: (option: object) => void
    readonly renderToSVGString: () => string
    readonly dispose: () => void
  }
}

/** What a drawn item is told of its data and the axes. */
interface Drawing {
  readonly value: (dimension: number) => number
  readonly coord: (at: [number, number]) => [number, number]
}

const width = 760
const barHeight = 34
const colours: Readonly<Record<Bar["kind"], string>> = { daybook: "#2563eb", peer: "#a8a29e", limit: "#d6d3d1" }
const ink = "#44403c"

const shown = (value: number): string =>
  new Intl.NumberFormat("en", { maximumSignificantDigits: value >= 1000 ? 4 : 3 }).format(value)

/** Labels begin at the same place, and the first bar is on top. */
const optionOf = ({ title, unit, bars }: Chart): object => ({
  animation: false,
  backgroundColor: "#ffffff",
  textStyle: { fontFamily: "system-ui, sans-serif", color: ink },
  title: { text: title, subtext: unit, left: 12, top: 8, textStyle: { fontSize: 15, color: ink } },
  grid: { left: 190, right: 90, top: 62, bottom: 10 },
  xAxis: { type: "value", min: 0, splitLine: { show: false }, axisLabel: { show: false } },
  yAxis: {
    type: "category",
    inverse: true,
    data: bars.map(({ label }) => label),
    axisTick: { show: false },
    axisLine: { show: false },
    axisLabel: { color: ink, width: 170, overflow: "truncate" }
  },
  series: [
    {
      type: "bar",
      barMaxWidth: 20,
      data: bars.map(({ value, kind }) => ({ value: value.median, itemStyle: { color: colours[kind] } }))
    },
    {
      type: "custom",
      silent: true,
      data: bars.map(({ value }, index) => [index, value.min, value.max]),
      renderItem: ({ dataIndex }: { dataIndex: number }, { value, coord }: Drawing) => {
        const [least, y] = coord([value(1), value(0)])
        const [most] = coord([value(2), value(0)])
        const text = shown(bars[dataIndex]!.value.median)
        const extremes = { x1: least, x2: most, y1: y, y2: y }
        return {
          type: "group",
          children: [
            { type: "line", shape: extremes, style: { stroke: "#1c1917", lineWidth: 1.5 } },
            // Beyond the line, which would strike it out.
            { type: "text", style: { text, x: most + 6, y, textVerticalAlign: "middle", fill: ink } }
          ]
        }
      },
      encode: { x: [1, 2], y: 0 }
    }
  ]
})

/** Draws a chart. */
export const draw = (chart: Chart): string => {
  const { init } = loadPeer<Echarts>("echarts")
  const height = 80 + barHeight * chart.bars.length
  const picture = init(null, null, { renderer: "svg", ssr: true, width, height })
  picture.setOption(optionOf(chart))
  const svg = picture.renderToSVGString()
  picture.dispose()
  return `${svg}\n`
}

/** Makes the folder that an option names, or finds that nothing can be left there: before anything is measured. */
export const makeFolder = (option: string, folder: string): void => {
  try {
    // Not its parents too: in places like /proc, Node never comes back from that.
    if (!existsSync(folder)) mkdirSync(folder)
    accessSync(`${folder}/.`, constants.W_OK)
  } catch (error) {
    const why = reasonOf(error)
    throw new Error(
      `Nothing can be left in ${folder} (${why}). Give ${option} a folder to write in, or a new one in a folder that is there.`
    )
  }
}

/** Leaves results and their charts in a folder. */
export const leave = (folder: string, results: object, charts: ReadonlyArray<Chart>): void => {
  writeFileSync(`${folder}/results.json`, `${JSON.stringify(results, null, 2)}\n`)
  for (const chart of charts) writeFileSync(`${folder}/${chart.file}.svg`, draw(chart))
}
