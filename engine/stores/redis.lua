#!lua name=yingda_2
-- The writes of the Redis store; the files that redis_client.py names are loaded behind it, as one library. Change the
-- number in its name and in every function's name when an older engine could not go on beside the new code.
--
-- KEYS[1] of every function is the tenant's prefix, "yingda:{shop}"; the tenant's other keys begin with it and so lie
-- in the same slot. A function's checks all come before its first write, since Redis does not undo.
--
--   :conversations  hash    id -> version, places, record: one line each (see redis_rows.py)
--   :queue:NAME     zset    rank_ms, id                     one of the places of a conversation, as are:
--   :open:CHANNEL:CUSTOMER  zset  opened_ms, id
--   :customer:CHANNEL:CUSTOMER  zset  opened_ms, id         the same, and those that are closed
--   :held:AGENT     zset    0, id
--   :list           zset    0, opened_ms and id             all, and :list:STATE those of a state
--   :due            zset    due_ms, id
--   :agents         hash    id -> profile                   beside it :capacity :load :streak, and
--   :presence       hash    id -> presence, lease_ms
--   :leases         zset    lease_ms, id                    of those who are not offline
--   :sequence       number  of the last event
--   :journal:CONVERSATION  list  sequence and event         in order (a stream takes 4 KB at least)
--   :order          list    index in its conversation's journal, kind and conversation of each event; "" once taken away
--   :keys           hash    message key -> place in the journal, conversation
--   :roster         stream  what changed about the agents   for the other engines' memory, and what of the queues: by it
--                                                           a commit sees what happened since it was decided
--   :pushes         stream  conversations that changed      for the other engines' listeners
--   :tails          hash    stream -> id of its last entry
--   :done:ENGINE    string  token and reply of the engine's last write, for a while
--   :recent         list    places of the last messages     newest first, as in :keys
--   :replies        hash    id -> JSON
--   :seeded         string  there once the tenant was
--   :documents:KIND hash    key -> data
--   :receipt:WHAT:REQUEST  string  what came of feedback or of deleting a reply, for a month
--   :assist         hash    kind, or "replies" -> engine and token of who changed it last
--   :wait           string  written before WAIT (see redis_client.py)
--   those of redis_workflow.lua
--
-- One key is no tenant's: yingda:tenants (see redis_tenants.py).

local ROSTER_ENTRIES = 4096 -- kept, about; an engine that is further behind reads the whole roster
local PUSH_ENTRIES = 256 -- kept, about; a listener that is further behind is told of everything that is held
local RECENT = 10000 -- messages of a tenant, whatever their conversation, that are found by their age
local REMEMBERED = 300 -- seconds a reply is kept for a retry
local workflow = {} -- what redis_workflow.lua adds to a commit
local CHUNK = 1000 -- arguments of one call, an even number; Lua's stack ends at some thousands

-- Call a command that takes any number of arguments, since a call costs more than what it does.
local function call_all(command, key, arguments)
  local replies = {}
  for from = 1, #arguments, CHUNK do
    replies[#replies + 1] =
      redis.call(command, key, unpack(arguments, from, math.min(from + CHUNK - 1, #arguments)))
  end
  return replies
end

-- The values of fields of a hash, in order, false where there is none.
local function fetch(key, fields)
  local found = {}
  for _, reply in ipairs(call_all('HMGET', key, fields)) do
    for _, value in ipairs(reply) do
      found[#found + 1] = value
    end
  end
  return found
end

-- Run a write once: a retry, with the token of the first try, is told what the first try was told.
local function once(write)
  return function(keys, args)
    local prefix, engine, token = keys[1], args[1], args[2]
    local done = prefix .. ':done:' .. engine
    local before = redis.call('GET', done)
    if before and string.sub(before, 1, #token + 1) == token .. ' ' then
      return cjson.decode(string.sub(before, #token + 2))
    end
    local reply, is_written = write(prefix, args)
    if is_written then
      redis.call('SET', done, token .. ' ' .. cjson.encode(reply), 'EX', REMEMBERED)
    end
    return reply
  end
end

-- Append to a stream whose entries name their predecessor, so that a reader notices what it missed.
local function append(prefix, stream, limit, ...)
  local before = redis.call('HGET', prefix .. ':tails', stream) or ''
  local id = redis.call('XADD', prefix .. ':' .. stream, 'MAXLEN', '~', limit, '*', 'after', before, ...)
  redis.call('HSET', prefix .. ':tails', stream, id)
  return { before, id }
end

local function append_roster(prefix, changed)
  return append(prefix, 'roster', ROSTER_ENTRIES, 'changed', cjson.encode(changed))
end

-- Order ----------------------------------------------------------------------------------------------------------
--
-- A commit was decided on a snapshot, and other engines may have committed since. Every entry of the roster stream
-- says, beside loads and such, what may matter to a decision that did not see it:
--
--   entered   queue -> the smallest rank_ms at which somebody began to wait in it
--   opened    queue -> 1: an agent who serves it has room left
--   came      agent -> 1: changed, or online since then, so that nobody knows yet what of the queue is for them
--   presences agent -> presence, lease_ms
--   loads     agent -> units held
--
-- So a commit is stale where it lets somebody wait for whom a place was opened, gives a place away past somebody who
-- entered, claims an agent who is not as they were, or frees one whose load is another: two who free a little each may
-- together leave room for somebody whom neither could give it to.

-- What happened since the entry `mark` was the last, a list; nil where that is too long ago to be known.
local function happened_since(prefix, mark)
  local found = {}
  local entries = redis.call('XRANGE', prefix .. ':roster', mark == '' and '-' or '(' .. mark, '+')
  for i, entry in ipairs(entries) do
    local fields = entry[2] -- after, changed, each behind its name
    if i == 1 and fields[2] ~= mark then
      return nil
    end
    found[i] = cjson.decode(fields[4])
  end
  return found
end

-- Whether any key is in both.
local function meet(one, other)
  for key in pairs(one or {}) do
    if other[key] then
      return true
    end
  end
  return false
end

-- Whether a claim of the change is on an agent who is not as they were.
local function is_claim_old(change, entry)
  local came, presences, loads = entry.came or {}, entry.presences or {}, entry.loads or {}
  for agent, units in pairs(change.claims) do
    local is_gone = presences[agent] and presences[agent][1] ~= 'online'
    if came[agent] or (units > 0 and is_gone) or (units < 0 and loads[agent]) then
      return true
    end
  end
  return false
end

-- Whether somebody entered a queue before the place up to which the change gives that queue's places away.
local function is_passed_over(change, entry)
  for queue, rank in pairs(entry.entered or {}) do
    if change.drained[queue] and rank < change.drained[queue] then
      return true
    end
  end
  return false
end

-- Whether the change would have been decided otherwise; `entering` is queue -> rank_ms of those that it lets wait.
local function is_outdated(prefix, change, entering)
  if not change.mark then
    return false
  end
  local happened = happened_since(prefix, change.mark)
  for _, entry in ipairs(happened or {}) do
    local came = next(entry.came or {}) and next(entering)
    if came or meet(entry.opened, entering) or is_claim_old(change, entry) or is_passed_over(change, entry) then
      return true
    end
  end
  return not happened
end

-- Commit ---------------------------------------------------------------------------------------------------------

-- The stored values of the conversations, in order, false where there is none; nil if a version does not follow.
local function check_versions(prefix, change)
  local ids, seen = {}, {}
  for i, one in ipairs(change.conversations) do
    if seen[one.id] then
      return nil
    end
    ids[i], seen[one.id] = one.id, true
  end
  local known = fetch(prefix .. ':conversations', ids)
  for i, one in ipairs(change.conversations) do
    local version = known[i] and tonumber(string.match(known[i], '^%d+')) or 0
    if tonumber(string.match(one.value, '^%d+')) ~= version + 1 then
      return nil
    end
  end
  return known
end

-- The loads after the claims; nil if one does not fit.
local function check_claims(prefix, change)
  local loads = {}
  for agent, units in pairs(change.claims) do
    local capacity = tonumber(redis.call('HGET', prefix .. ':capacity', agent) or nil)
    local load = tonumber(redis.call('HGET', prefix .. ':load', agent) or 0) + units
    if units > 0 and (not capacity or load > capacity) then
      return nil
    end
    if capacity then
      loads[agent] = math.max(load, 0)
    end
  end
  return loads
end

-- Whether the customer of a conversation that is to be the only open one has another.
local function has_company(prefix, change)
  for _, one in ipairs(change.alone) do
    local open = redis.call('ZRANGE', prefix .. ':' .. one[2], 0, 1)
    if open[2] or (open[1] and open[1] ~= one[1]) then
      return true
    end
  end
  return false
end

local function has_known_key(prefix, change)
  local keys, seen = {}, {}
  for _, event in ipairs(change.events) do
    if event.key ~= '' then
      if seen[event.key] then
        return true
      end
      seen[event.key] = true
      keys[#keys + 1] = event.key
    end
  end
  for _, place in ipairs(fetch(prefix .. ':keys', keys)) do
    if place then
      return true
    end
  end
  return false
end

local function note(lists, key, ...)
  local list = lists[key] or {}
  lists[key] = list
  for _, value in ipairs({ ... }) do
    list[#list + 1] = value
  end
end

-- Note what is to be left and to be entered so that places `before` become `after`, [[key, score, member], ...] each.
local function note_moves(before, after, moves)
  local old = {}
  for _, place in ipairs(before) do
    old[place[1] .. '\n' .. place[3]] = place
  end
  for _, place in ipairs(after) do
    local name = place[1] .. '\n' .. place[3]
    if not old[name] or old[name][2] ~= place[2] then
      note(moves.entered, place[1], place[2], place[3])
    end
    old[name] = nil
  end
  for _, place in pairs(old) do
    note(moves.left, place[1], place[3])
  end
end

-- Note in which queues a conversation waits from now on, and how early it comes there.
local function note_waits(after, waits)
  for _, place in ipairs(after) do
    local queue = string.match(place[1], '^queue:(.*)$')
    if queue then
      waits[queue] = math.min(waits[queue] or place[2], place[2])
    end
  end
end

-- The second line of a value.
local function places(value)
  if not value then
    return '[]'
  end
  local from = string.find(value, '\n', 1, true) + 1
  return string.sub(value, from, string.find(value, '\n', from, true) - 1)
end

-- What the change does to the sorted sets: key -> members that leave it, key -> scores and members that enter it, and
-- queue -> smallest rank_ms of those who wait in it and did not so before.
local function moves_of(change, known)
  local moves = { left = {}, entered = {}, waits = {} }
  for i, one in ipairs(change.conversations) do
    local before, after = places(known[i]), places(one.value)
    if before ~= after then
      after = cjson.decode(after)
      note_moves(cjson.decode(before), after, moves)
      note_waits(after, moves.waits)
    end
  end
  return moves
end

local function write_conversations(prefix, change, moves)
  local fields = {}
  for i, one in ipairs(change.conversations) do
    fields[2 * i - 1], fields[2 * i] = one.id, one.value
  end
  call_all('HSET', prefix .. ':conversations', fields)
  for key, members in pairs(moves.left) do
    call_all('ZREM', prefix .. ':' .. key, members)
  end
  for key, members in pairs(moves.entered) do
    call_all('ZADD', prefix .. ':' .. key, members)
  end
end

-- Append to the journal; gives the sequence of the first one, 0 where there is none.
local function write_events(prefix, events)
  local count, fields, recent, order = #events, {}, {}, {}
  if count == 0 then
    return 0
  end
  local first = redis.call('INCRBY', prefix .. ':sequence', count) - count + 1
  local sequence = first - 1
  for _, event in ipairs(events) do
    sequence = sequence + 1
    local entry = string.format('%.0f ', sequence) .. event.value
    local length = redis.call('RPUSH', prefix .. ':journal:' .. event.conversation, entry)
    local index, kind = string.format('%.0f ', length - 1), string.match(event.value, '^%S+')
    local place = index .. event.conversation
    order[#order + 1] = index .. kind .. ' ' .. event.conversation
    if event.key ~= '' then
      fields[#fields + 1] = event.key
      fields[#fields + 1] = place
    end
    if kind == 'message_received' then
      recent[#recent + 1] = place
    end
  end
  call_all('RPUSH', prefix .. ':order', order)
  call_all('HSET', prefix .. ':keys', fields)
  call_all('LPUSH', prefix .. ':recent', recent)
  if #recent > 0 then
    redis.call('LTRIM', prefix .. ':recent', 0, RECENT - 1)
  end
  return first
end

-- The same for the event, or "", that goes with a write of an agent.
local function write_entry(prefix, entry)
  local event = { conversation = '', key = '', value = entry }
  return write_events(prefix, entry ~= '' and { event } or {})
end

-- Write what the claims and streaks make of the agents, and note it in `loads` and `streaks`.
local function write_agents(prefix, change, claimed, changed)
  for agent, load in pairs(claimed) do
    redis.call('HSET', prefix .. ':load', agent, load)
    changed.loads[agent] = load
  end
  for agent, count in pairs(change.streaks) do
    if redis.call('HEXISTS', prefix .. ':capacity', agent) == 1 then
      redis.call('HSET', prefix .. ':streak', agent, count)
      changed.streaks[agent] = count
    end
  end
end

-- Note in `changed` what of the change may matter to those that were decided without it.
local function note_order(change, moves, changed)
  for queue, rank in pairs(moves.waits) do
    changed.entered[queue] = math.min(changed.entered[queue] or rank, rank)
  end
  for _, queue in ipairs(change.opened) do
    changed.opened[queue] = 1
  end
end

local function commit_one(prefix, change, changed)
  local known = check_versions(prefix, change)
  local claimed = known and check_claims(prefix, change)
  if not claimed or has_known_key(prefix, change) or has_company(prefix, change) then
    return '0'
  end
  local moves = moves_of(change, known)
  if is_outdated(prefix, change, moves.waits) then
    return '0'
  end
  if change.follow_up and workflow.is_stale(prefix, change.follow_up) then
    return '0'
  end
  write_conversations(prefix, change, moves)
  write_events(prefix, change.events)
  write_agents(prefix, change, claimed, changed)
  if change.follow_up then
    workflow.write(prefix, change.follow_up)
  end
  note_order(change, moves, changed)
  for _, one in ipairs(change.conversations) do
    changed.values[#changed.values + 1] = one.value
  end
  return '1'
end

-- Texts come as one string and their lengths, since a client sends one long argument faster than a thousand short ones.
local function unpacked(header, texts)
  local at, number = 1, 0
  local function text()
    number = number + 1
    local from = at
    at = at + header.lengths[number]
    return string.sub(texts, from, at - 1)
  end
  local changes = {}
  for _, one in ipairs(header.changes) do
    local change = one
    local conversations, events = one.conversations, one.events -- how many
    change.conversations, change.events = {}, {}
    for i = 1, conversations do
      change.conversations[i] = { id = text(), value = text() }
    end
    for i = 1, events do
      change.events[i] = { conversation = text(), key = text(), value = text() }
    end
    table.insert(changes, change)
  end
  return changes
end

-- ARGV: engine, token, channel, header, texts. Gives a digit per change, 1 for committed, and the roster stream's
-- tail before and after, then the same of the pushes; "" where nothing was appended.
local function commit(prefix, args)
  local engine, token, channel = args[1], args[2], args[3]
  local changed, done = { loads = {}, streaks = {}, entered = {}, opened = {}, values = {} }, {}
  for _, change in ipairs(unpacked(cjson.decode(args[4]), args[5])) do
    table.insert(done, commit_one(prefix, change, changed))
  end
  local about_agents, about_conversations = { '', '' }, { '', '' }
  local values = table.concat(changed.values, '\n')
  changed.values = nil
  if next(changed.loads) or next(changed.streaks) or next(changed.entered) or next(changed.opened) then
    about_agents = append_roster(prefix, changed)
  end
  if values ~= '' then
    about_conversations =
      append(prefix, 'pushes', PUSH_ENTRIES, 'engine', engine, 'token', token, 'values', values)
    redis.call('PUBLISH', channel, engine .. ' ' .. prefix)
  end
  local flags = table.concat(done)
  local reply = { flags, about_agents[1], about_agents[2], about_conversations[1], about_conversations[2] }
  return reply, string.find(flags, '1', 1, true) ~= nil
end

redis.register_function('yingda_2_commit', once(commit))
