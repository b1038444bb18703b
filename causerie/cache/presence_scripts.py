"""The scripts of presence: each sees one bucket, by Redis' own clock, at one moment.

All begin alike: KEYS[1] holds the leases of the nodes, and `status_of` folds a user's entries into what others
see. Changes are answered as flat triples: user, status, last seen in milliseconds (0 = here or unknown).
"""

from causerie.cache.connection import Script

_PRELUDE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local lives = {}
local function is_living(node)
  if lives[node] == nil then
    local lease_end = redis.call('ZSCORE', KEYS[1], node)
    lives[node] = lease_end ~= false and tonumber(lease_end) > now
  end
  return lives[node]
end

local function status_of(user_key, rest_counts)
  local entries = redis.call('HGETALL', user_key)
  local status, seen = 'offline', '0'
  for i = 1, #entries, 2 do
    local field, value = entries[i], entries[i + 1]
    if field == 'seen' then
      seen = tonumber(value) and value or '0'
    elseif field == 'rest' then
      if rest_counts or (tonumber(value) or 0) > now then status = 'online' end
    elseif is_living(string.sub(field, 6)) then
      -- Whoever has an entry of a living node is here; what it says beside `away` is not worth a doubt.
      if value ~= 'away' then status = 'online' elseif status == 'offline' then status = 'away' end
    end
  end
  if status ~= 'offline' then seen = '0' end
  return status, seen
end

local answer = {}
local function tell(user, status, seen)
  answer[#answer + 1] = user
  answer[#answer + 1] = status
  answer[#answer + 1] = seen
end
"""

RENEW = Script(
    _PRELUDE
    + """
-- KEYS: leases, the node's users.  ARGV: node, lease seconds, seconds to remember, how many users there should be.
-- Held means that nothing was lost: the lease never ended, the set says by the name of nobody that it was whole, and it
-- still is; a replica that took over may lack what came last.
local held = is_living(ARGV[1]) and redis.call('SISMEMBER', KEYS[2], '') == 1
  and redis.call('SCARD', KEYS[2]) == ARGV[4] + 1
if not held then redis.call('SREM', KEYS[2], '') end
redis.call('ZADD', KEYS[1], now + ARGV[2] * 1000, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return held and 1 or 0
"""
)

RETIRE = Script(
    _PRELUDE
    + """
-- KEYS: leases.  ARGV: node, grace seconds.
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2] * 1000, ARGV[1])
return 1
"""
)

RECORD = Script(
    _PRELUDE
    + """
-- KEYS: leases, the node's users, one per user.
-- ARGV: node, lease seconds, seconds to remember, whether only a dead node's entries go, then user and status by turns.
local node, burial = ARGV[1], ARGV[4] == '1'
local lease_end = tonumber(redis.call('ZSCORE', KEYS[1], node) or 0)
if burial and lease_end > now then return answer end
local seen_now = now
if burial and lease_end > 0 then seen_now = lease_end - ARGV[2] * 1000 end
lives[node] = true
for i = 3, #KEYS do
  local user, status = ARGV[2 * i - 1], ARGV[2 * i]
  local before = status_of(KEYS[i])
  if status ~= 'offline' then
    redis.call('HSET', KEYS[i], 'node:' .. node, status)
    redis.call('SADD', KEYS[2], user)
  else
    redis.call('HDEL', KEYS[i], 'node:' .. node)
    redis.call('SREM', KEYS[2], user)
    if before ~= 'offline' then redis.call('HSET', KEYS[i], 'seen', seen_now) end
  end
  redis.call('EXPIRE', KEYS[i], ARGV[3])
  local after, seen = status_of(KEYS[i])
  if before ~= after then tell(user, after, seen) end
end
redis.call('EXPIRE', KEYS[2], ARGV[3])
return answer
"""
)

HEARTBEAT = Script(
    _PRELUDE
    + """
-- KEYS: leases, REST heartbeats, the user.  ARGV: user, seconds, seconds to remember.
local before = status_of(KEYS[3])
local ends = now + ARGV[2] * 1000
redis.call('HSET', KEYS[3], 'rest', ends)
redis.call('EXPIRE', KEYS[3], ARGV[3])
redis.call('ZADD', KEYS[2], ends, ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
local after, seen = status_of(KEYS[3])
if before ~= after then tell(ARGV[1], after, seen) end
return answer
"""
)

LAPSE = Script(
    _PRELUDE
    + """
-- KEYS: leases, REST heartbeats, one per user.  ARGV: heartbeat seconds, an unused place, then the users.
for i = 3, #KEYS do
  local user = ARGV[i]
  local ends = tonumber(redis.call('HGET', KEYS[i], 'rest') or 0) or 0
  if ends <= now then
    local before = status_of(KEYS[i], true)
    redis.call('ZREM', KEYS[2], user)
    if redis.call('HDEL', KEYS[i], 'rest') == 1 then
      local seen_before = tonumber(redis.call('HGET', KEYS[i], 'seen') or 0) or 0
      redis.call('HSET', KEYS[i], 'seen', math.max(seen_before, ends - ARGV[1] * 1000))
      local after, seen = status_of(KEYS[i])
      if before ~= after then tell(user, after, seen) end
    end
  end
end
return answer
"""
)

EXPIRED = Script(
    _PRELUDE
    + """
-- KEYS: leases, REST heartbeats.  ARGV: how many of each at most.
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1]),
  redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1]),
}
"""
)

FORGET = Script(
    _PRELUDE
    + """
-- KEYS: leases, the node's users.  ARGV: node.  A node is forgotten when it is dead and its last user is gone.
if is_living(ARGV[1]) then return 0 end
redis.call('SREM', KEYS[2], '')
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
)

STATUSES = Script(
    _PRELUDE
    + """
-- KEYS: leases, one per user.  ARGV: the users.
for i = 2, #KEYS do
  local status, seen = status_of(KEYS[i])
  tell(ARGV[i - 1], status, seen)
end
return answer
"""
)
