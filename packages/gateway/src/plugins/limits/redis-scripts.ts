import { redisScript } from '../../redis/index.ts'

/**
 * The limits of `@sekisho/proxy` as scripts, which Redis runs one after the other: reading and writing are one step for all nodes. Time is
 * that of Redis, so that clocks of nodes need not agree. Each serves several requests of a key at once, and has one key, as a cluster wants.
 */

/** Of what is left a worker gets at most this part ahead of its requests, so that others find some too: the shares get smaller to the end. */
const PART_AHEAD = 8

/**
 * ARGV of both windows: requests that wait, requests that may be taken in all, limit, length of the window in ms.
 * Reply: taken, remaining, ms until the window ends, ms until one more would pass.
 */
const GRANT = `
local needed, wanted, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function grant(room)
  return math.min(room, math.max(needed, math.min(wanted, math.floor(room / ${PART_AHEAD}))))
end`

/** The window begins with a request: the key lives as long. */
export const FIXED_WINDOW = redisScript(`${GRANT}
local left = redis.call('PTTL', KEYS[1])
local used = 0
if left > 0 and left <= window then used = tonumber(redis.call('GET', KEYS[1])) or 0 else left = 0 end
local room = math.max(0, limit - used)
local granted = grant(room)
if granted > 0 then
  if left > 0 then
    redis.call('INCRBY', KEYS[1], string.format('%.0f', granted))
  else
    redis.call('SET', KEYS[1], string.format('%.0f', granted), 'PX', string.format('%.0f', window))
  end
end
if left == 0 then left = window end
return { granted, room - granted, left, left }`)

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)`

/** Windows are aligned to the clock; the one before weighs by the part of it that the sliding window still covers. */
export const SLIDING_WINDOW = redisScript(`${GRANT}${NOW}
local start, current, previous = now - now % window, 0, 0
local stored = redis.call('HMGET', KEYS[1], 'start', 'current', 'previous')
if stored[1] then
  local ahead = start - tonumber(stored[1])
  if ahead <= 0 and ahead >= -window then
    start, current, previous = start - ahead, tonumber(stored[2]), tonumber(stored[3])
  elseif ahead > 0 and ahead <= window then
    previous = tonumber(stored[2])
  end
end
local left = math.min(start + window - now, window)
local weighed = math.min(previous, limit) * left / window
local granted = grant(math.max(0, limit - math.floor(weighed) - current))
current = current + granted
if granted > 0 then
  redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'current', string.format('%.0f', current), 'previous', string.format('%.0f', previous))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', start + 2 * window - now))
end
local retry = left
if limit > current and previous > 0 then retry = math.max(0, left - (limit - current) * window / math.min(previous, limit)) end
return { granted, math.max(0, math.floor(limit - weighed - current)), left, math.ceil(retry) }`)

/** ARGV: what is given back, ms that were left of the window in which it was taken. A window that has more left is another one. */
export const GIVE_BACK_FIXED = redisScript(`
local left = redis.call('PTTL', KEYS[1])
if left <= 0 or left > tonumber(ARGV[2]) then return 0 end
local back = math.min(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1])) or 0)
redis.call('DECRBY', KEYS[1], string.format('%.0f', back))
return back`)

/** ARGV: as above, and the length of the window. */
export const GIVE_BACK_SLIDING = redisScript(`${NOW}
local stored = redis.call('HMGET', KEYS[1], 'start', 'current')
if not stored[1] then return 0 end
local left = stored[1] + tonumber(ARGV[3]) - now
if left <= 0 or left > tonumber(ARGV[2]) then return 0 end
local back = math.min(tonumber(ARGV[1]), tonumber(stored[2]))
redis.call('HSET', KEYS[1], 'current', string.format('%.0f', stored[2] - back))
return back`)

/** ARGV: requests, rate a second, burst. Reply: how many pass, the excess of the first of them in 1/1000 requests, as text. */
export const LEAKY_BUCKET = redisScript(`${NOW}
local wanted, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) * 1000
local stored = redis.call('HMGET', KEYS[1], 'excess', 'last')
local excess = 0
if stored[1] then
  local elapsed = now - tonumber(stored[2])
  if elapsed >= -10000 then
    if elapsed < 0 then now, elapsed = now - elapsed, 0 end
    excess = math.max(0, tonumber(stored[1]) - rate * elapsed + 1000)
  end
end
local granted = 0
if excess <= burst then
  granted = math.min(wanted, 1 + math.floor((burst - excess) / 1000))
  local after = excess + (granted - 1) * 1000
  redis.call('HSET', KEYS[1], 'excess', string.format('%.17g', after), 'last', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((after + 1000) / rate) + 1))
end
return { granted, string.format('%.17g', excess) }`)

/**
 * A hash with a field for each worker of any node: how many requests it has in flight, and when it said so. ARGV: the worker, how many it
 * has, how many want in, how many there may be, ms after which a worker that says nothing is forgotten. Reply: how many get in, how many
 * there were before. As a worker says how many it has, and not how many more or less, nothing stays wrong when a call is lost.
 */
export const CONCURRENCY = redisScript(`${NOW}
local mine, wanted, most, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local total = mine
local stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  if stored[at] ~= ARGV[1] then
    local count, said = string.match(stored[at + 1], '^(%d+):(%d+)$')
    if now - tonumber(said) > ttl then redis.call('HDEL', KEYS[1], stored[at]) else total = total + tonumber(count) end
  end
end
local granted = math.max(0, math.min(wanted, most - total))
if mine + granted > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f:%.0f', mine + granted, now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ttl))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return { granted, total }`)
