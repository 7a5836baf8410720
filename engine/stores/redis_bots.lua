-- What bots need; a part of the library that redis.lua begins.

local SCANNED = 1000 -- entries that one call looks through

-- ARGV: engine, token, bot, sequence. A place never goes back.
local function advance_bot(prefix, args)
  local before = tonumber(redis.call('HGET', prefix .. ':bots', args[3]) or -1)
  if tonumber(args[4]) > before then
    redis.call('HSET', prefix .. ':bots', args[3], args[4])
  end
  return 1, true
end

-- ARGV: engine, token, bot. Gives 0 where there is none.
local function forget_bot(prefix, args)
  return redis.call('HDEL', prefix .. ':bots', args[3]), true
end

-- ARGV: the sequence after which to begin, how many, the kinds between blanks, or "" for all. Gives the sequence up to
-- which it looked, then conversation and entry of each event.
local function journal(keys, args)
  local after, limit, kinds = tonumber(args[1]), tonumber(args[2]), args[3]
  local through, found = after, { 0 }
  for _, place in ipairs(redis.call('LRANGE', keys[1] .. ':order', after, after + SCANNED - 1)) do
    through = through + 1
    local index, kind, conversation = string.match(place, '^(%d+) (%S+) (.*)$')
    -- Of what was taken away no place is left.
    if index and (kinds == '' or string.find(kinds, ' ' .. kind .. ' ', 1, true)) then
      local entry = redis.call('LINDEX', keys[1] .. ':journal:' .. conversation, index)
      if entry then
        found[#found + 1] = conversation
        found[#found + 1] = entry
      end
      if #found > 2 * limit then
        break
      end
    end
  end
  found[1] = through
  return found
end

redis.register_function('yingda_2_advance_bot', once(advance_bot))
redis.register_function('yingda_2_forget_bot', once(forget_bot))
redis.register_function({ function_name = 'yingda_2_journal', callback = journal, flags = { 'no-writes' } })
