-- The writes of the Redis store about agents; loaded behind redis.lua, as one library.

-- The agent's presence and the end of its lease, '' and 0 for one that is not known.
local function presence_of(prefix, agent)
  local stored = redis.call('HGET', prefix .. ':presence', agent) or ' 0'
  local presence, lease = string.match(stored, '^(%a*) (%d+)$')
  return presence, tonumber(lease)
end

-- Write a presence and tell of it; `lease` is text, since it is passed on as it came.
local function write_presence(prefix, agent, presence, lease)
  local came = presence == 'online' and presence_of(prefix, agent) ~= 'online'
  redis.call('HSET', prefix .. ':presence', agent, presence .. ' ' .. lease)
  if tonumber(lease) > 0 and presence ~= 'offline' then
    redis.call('ZADD', prefix .. ':leases', lease, agent)
  else
    redis.call('ZREM', prefix .. ':leases', agent)
  end
  local changed = { presences = { [agent] = { presence, tonumber(lease) } } }
  append_roster(prefix, came and { presences = changed.presences, came = { [agent] = 1 } } or changed)
end

-- ARGV: engine, token, agent, profile, capacity, event or "". Gives the event's sequence.
local function put_agent(prefix, args)
  local agent, profile, capacity = args[3], args[4], tonumber(args[5])
  redis.call('HSET', prefix .. ':agents', agent, profile)
  redis.call('HSET', prefix .. ':capacity', agent, capacity)
  redis.call('HSETNX', prefix .. ':presence', agent, 'offline 0')
  append_roster(prefix, { agents = { [agent] = { profile, capacity } }, came = { [agent] = 1 } })
  return write_entry(prefix, args[6]), true
end

-- ARGV: engine, token, agent, presence, lease_ms, event or "". Gives the event's sequence, -1 where there is no agent.
local function set_presence(prefix, args)
  local agent = args[3]
  if redis.call('HEXISTS', prefix .. ':agents', agent) == 0 then
    return -1, false
  end
  write_presence(prefix, agent, args[4], args[5])
  return write_entry(prefix, args[6]), true
end

-- ARGV: engine, token, agent, lease_ms. The presence stays as it is, and an agent who is offline stays so.
local function renew(prefix, args)
  local agent = args[3]
  local presence = presence_of(prefix, agent)
  if presence == '' then
    return 0, false
  end
  if presence ~= 'offline' then
    write_presence(prefix, agent, presence, args[4])
  end
  return 1, true
end

-- ARGV: engine, token, agent, now_ms, event or "". Gives the event's sequence, -1 where the lease was renewed meanwhile,
-- or was none.
local function lapse(prefix, args)
  local agent = args[3]
  local presence, lease = presence_of(prefix, agent)
  if presence == '' or presence == 'offline' or lease == 0 or lease > tonumber(args[4]) then
    return -1, false
  end
  write_presence(prefix, agent, 'offline', '0')
  return write_entry(prefix, args[5]), true
end

redis.register_function('yingda_2_put_agent', once(put_agent))
redis.register_function('yingda_2_set_presence', once(set_presence))
redis.register_function('yingda_2_renew', once(renew))
redis.register_function('yingda_2_lapse', once(lapse))
