import type { FunctionClient } from '../api/function-client.ts'
import { withBody } from '../api/http-call.ts'
import type { ScheduleSetting } from './settings-schema.ts'

const SERVICE = 'scheduler'
/** The service wants one; Sekisho asks nothing of it. */
const ANY_ROLE = 'arn:aws:iam::000000000000:role/sekisho'
const MAX_PAGE = 100

/** Makes the schedules of a function what the settings say: those that a deploy made, by the name `FUNCTION.SCHEDULE`, which no other has. */
export async function setSchedules(
  client: FunctionClient,
  name: string,
  target: string,
  wanted: readonly ScheduleSetting[],
): Promise<void> {
  const query = `NamePrefix=${encodeURIComponent(`${name}.`)}&MaxResults=${MAX_PAGE}`
  const { Schedules } = await client.json<{ Schedules: readonly { readonly Name: string }[] }>({
    method: 'GET',
    path: `/schedules?${query}`,
    service: SERVICE,
  })
  const there = new Set(Schedules.map((schedule) => schedule.Name))
  for (const setting of wanted) {
    const full = `${name}.${setting.name}`
    await client.json({
      method: there.delete(full) ? 'PUT' : 'POST',
      path: `/schedules/${encodeURIComponent(full)}`,
      service: SERVICE,
      ...withBody(scheduleInput(target, setting)),
    })
  }
  for (const left of there)
    await client.json({ method: 'DELETE', path: `/schedules/${encodeURIComponent(left)}`, service: SERVICE })
}

const scheduleInput = (target: string, { expression, timezone, input, enabled }: ScheduleSetting): object => ({
  ScheduleExpression: expression,
  ...(timezone === undefined ? {} : { ScheduleExpressionTimezone: timezone }),
  State: enabled === false ? 'DISABLED' : 'ENABLED',
  FlexibleTimeWindow: { Mode: 'OFF' },
  Target: { Arn: target, RoleArn: ANY_ROLE, ...(input === undefined ? {} : { Input: JSON.stringify(input) }) },
})
