-- The reads of the Redis store that must see one state; the last part of the library that redis.lua begins.

local function values(prefix, ids)
  return fetch(prefix .. ':conversations', ids)
end

-- ARGV: CHANNEL:CUSTOMER, any number.
local function open(keys, args)
  local ids = {}
  for _, customer in ipairs(args) do
    local newest = redis.call('ZREVRANGE', keys[1] .. ':open:' .. customer, 0, 0)
    ids[#ids + 1] = newest[1]
  end
  return values(keys[1], ids)
end

-- ARGV: CHANNEL:CUSTOMER, how many.
local function of_customer(keys, args)
  return values(keys[1], redis.call('ZREVRANGE', keys[1] .. ':customer:' .. args[1], 0, args[2] - 1))
end

-- ARGV: JSON, queue -> how many of its first are wanted.
local function waiting(keys, args)
  local ids, seen = {}, {}
  for queue, limit in pairs(cjson.decode(args[1])) do
    for _, id in ipairs(redis.call('ZRANGE', keys[1] .. ':queue:' .. queue, 0, limit - 1)) do
      if not seen[id] then
        ids[#ids + 1] = id
      end
      seen[id] = true
    end
  end
  return values(keys[1], ids)
end

-- ARGV: agent.
local function held(keys, args)
  return values(keys[1], redis.call('ZRANGE', keys[1] .. ':held:' .. args[1], 0, -1))
end

-- ARGV: list, upper bound in it as ZREVRANGEBYLEX takes it, how many, length of what stands before the id.
local function list(keys, args)
  local ids = redis.call('ZREVRANGEBYLEX', keys[1] .. ':' .. args[1], args[2], '-', 'LIMIT', 0, args[3])
  for i, member in ipairs(ids) do
    ids[i] = string.sub(member, args[4] + 1)
  end
  return values(keys[1], ids)
end

-- ARGV: conversation, the sequence after which to begin, how many.
local function events(keys, args)
  local journal, after = keys[1] .. ':journal:' .. args[1], tonumber(args[2])
  local first, beyond = 0, redis.call('LLEN', journal)
  while first < beyond do
    local middle = math.floor((first + beyond) / 2)
    if tonumber(string.match(redis.call('LINDEX', journal, middle), '^%d+')) > after then
      beyond = middle
    else
      first = middle + 1
    end
  end
  return redis.call('LRANGE', journal, first, first + args[3] - 1)
end

-- ARGV: how many. Gives the journal's entries of the newest messages, newest first.
local function recent(keys, args)
  local found = {}
  for _, place in ipairs(redis.call('LRANGE', keys[1] .. ':recent', 0, args[1] - 1)) do
    local index, conversation = string.match(place, '^(%d+) (.*)$')
    local entry = redis.call('LINDEX', keys[1] .. ':journal:' .. conversation, index)
    if entry then -- else it was taken away
      found[#found + 1] = entry
    end
  end
  return found
end

-- Gives agents, capacity, presence, load and streak, each as HGETALL does, and the tail of the roster stream.
local function roster(keys)
  local found = {}
  for i, name in ipairs({ 'agents', 'capacity', 'presence', 'load', 'streak' }) do
    found[i] = redis.call('HGETALL', keys[1] .. ':' .. name)
  end
  table.insert(found, redis.call('HGET', keys[1] .. ':tails', 'roster') or '')
  return found
end

-- ARGV: the id after which to read, engine, how many. Gives id, predecessor, token and values of each entry; the token
-- is "" where the entry is another engine's, and the values are left out where it is the asking one's.
local function pushes(keys, args)
  local entries = redis.call('XRANGE', keys[1] .. ':pushes', args[1], '+', 'COUNT', args[3])
  for i, entry in ipairs(entries) do
    local id, fields = entry[1], entry[2] -- after, engine, token, values, each behind its name
    local is_own = fields[4] == args[2]
    entries[i] = { id, fields[2], is_own and fields[6] or '', is_own and '' or fields[8] }
  end
  return entries
end

local function register_read(name, callback)
  redis.register_function({ function_name = name, callback = callback, flags = { 'no-writes' } })
end

register_read('yingda_2_open', open)
register_read('yingda_2_of_customer', of_customer)
register_read('yingda_2_waiting', waiting)
register_read('yingda_2_held', held)
register_read('yingda_2_list', list)
register_read('yingda_2_events', events)
register_read('yingda_2_recent', recent)
register_read('yingda_2_roster', roster)
register_read('yingda_2_pushes', pushes)
