-- The writes of what the assist keeps; a part of the library that redis.lua begins.

-- What each of these functions gives: 1 for written, and the mark of the kind before and after, so that an engine knows
-- whether another one changed it since it looked; {0, "", ""} where nothing was written.
local function marked(prefix, args, kind)
  local before = redis.call('HGET', prefix .. ':assist', kind) or ''
  local after = args[1] .. ' ' .. args[2]
  redis.call('HSET', prefix .. ':assist', kind, after)
  return { 1, before, after }, true
end

local function refused()
  return { 0, '', '' }, false
end

local function set_all(key, args, from)
  local fields = {}
  for i = from, #args do
    fields[#fields + 1] = args[i]
  end
  call_all('HSET', key, fields)
end

-- ARGV: engine, token, then id and JSON of each reply. Refused where the tenant was seeded before.
local function seed(prefix, args)
  if redis.call('EXISTS', prefix .. ':seeded') == 1 then
    return refused()
  end
  redis.call('SET', prefix .. ':seeded', 1)
  set_all(prefix .. ':replies', args, 3)
  return marked(prefix, args, 'replies')
end

-- ARGV: engine, token, then id and JSON of each reply.
local function put_replies(prefix, args)
  set_all(prefix .. ':replies', args, 3)
  return marked(prefix, args, 'replies')
end

-- Whether the request is new; it is known from now on for so many seconds.
local function sign(prefix, request, receipt, seconds)
  return redis.call('SET', prefix .. ':receipt:' .. request, receipt, 'NX', 'EX', seconds)
end

-- ARGV: engine, token, reply, request ("": none), seconds it is known. Refused where there is no such reply, or the request
-- was made before.
local function delete_reply(prefix, args)
  if redis.call('HEXISTS', prefix .. ':replies', args[3]) == 0 then
    return refused()
  end
  if args[4] ~= '' and not sign(prefix, 'delete:' .. args[4], '', args[5]) then
    return refused()
  end
  redis.call('HDEL', prefix .. ':replies', args[3])
  return marked(prefix, args, 'replies')
end

-- ARGV: engine, token, kind, key, data.
local function put_document(prefix, args)
  redis.call('HSET', prefix .. ':documents:' .. args[3], args[4], args[5])
  return marked(prefix, args, args[3])
end

-- ARGV: engine, token, kind, key. Refused where there is no such document.
local function delete_document(prefix, args)
  if redis.call('HDEL', prefix .. ':documents:' .. args[3], args[4]) == 0 then
    return refused()
  end
  return marked(prefix, args, args[3])
end

-- ARGV: engine, token, kind, its mark as the engine knows it, request, receipt, seconds it is known, then key and data of
-- each document.
-- Refused where the mark is another, or the request was committed before.
local function commit_feedback(prefix, args)
  local mark = redis.call('HGET', prefix .. ':assist', args[3]) or ''
  if mark ~= args[4] or not sign(prefix, 'feedback:' .. args[5], args[6], args[7]) then
    return refused()
  end
  set_all(prefix .. ':documents:' .. args[3], args, 8)
  return marked(prefix, args, args[3])
end

redis.register_function('yingda_2_seed', once(seed))
redis.register_function('yingda_2_put_replies', once(put_replies))
redis.register_function('yingda_2_delete_reply', once(delete_reply))
redis.register_function('yingda_2_put_document', once(put_document))
redis.register_function('yingda_2_commit_feedback', once(commit_feedback))
redis.register_function('yingda_2_delete_document', once(delete_document))
