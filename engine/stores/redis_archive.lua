-- What takes conversations away; a part of the library that redis.lua begins.

-- ARGV: engine, token, conversation, its version, "" where none is kept, how many entries it has. Nothing is taken where
-- it went on meanwhile. Of the entries' places in :order empty ones are left, since the others are counted from its start.
local function prune(prefix, args)
  local id, version, length = args[3], args[4], tonumber(args[5])
  local journal = prefix .. ':journal:' .. id
  local value = redis.call('HGET', prefix .. ':conversations', id)
  local known = value and string.match(value, '^%d+') or ''
  if known ~= version or redis.call('LLEN', journal) ~= length then
    return 0, false
  end
  for _, entry in ipairs(redis.call('LRANGE', journal, 0, -1)) do
    local sequence, key_length, from = string.match(entry, '^(%d+) %S+ %d+ (%d+) [^\n]*\n()')
    redis.call('LSET', prefix .. ':order', tonumber(sequence) - 1, '')
    if key_length ~= '0' then
      redis.call('HDEL', prefix .. ':keys', string.sub(entry, from, from + tonumber(key_length) - 1))
    end
  end
  redis.call('DEL', journal, prefix .. ':fired:' .. id)
  if value then
    for _, place in ipairs(cjson.decode(places(value))) do
      redis.call('ZREM', prefix .. ':' .. place[1], place[3])
    end
    redis.call('HDEL', prefix .. ':conversations', id)
  end
  return 1, true
end

redis.register_function('yingda_2_prune', once(prune))
