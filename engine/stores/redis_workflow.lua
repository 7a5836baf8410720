-- What rules, tickets and the outbox add to a commit; a part of the library that redis.lua begins.
--
--   :fired:CONVERSATION  hash  rule -> when it fired last
--   :tickets        hash    id -> JSON                       beside it :ticket_heads, version and state
--   :ticket_list    zset    0, opened_ms and id              all; :ticket_list:STATE and :ticket_list:of:CONVERSATION
--   :comments:TICKET  list  JSON
--   :outbox         hash    id -> JSON
--   :outbox_due     zset    due_ms, id                       of those that are pending
--   :outbox_list    zset    0, created_ms and id
--   :answered:REQUEST  string  the receipt, for a month
--
-- One key is no tenant's: yingda:outbox, the tenants that ever had something to deliver.

local FIRED_KEPT = 400 * 86400 -- seconds; longer than the longest window of a rule

-- Nothing of a change is written where this is true.
function workflow.is_stale(prefix, follow_up)
  for _, one in ipairs(follow_up.firings) do
    if (redis.call('HGET', prefix .. ':fired:' .. one[1], one[2]) or '0') ~= one[3] then
      return true
    end
  end
  for _, one in ipairs(follow_up.tickets) do
    local head = redis.call('HGET', prefix .. ':ticket_heads', one[1]) or '0'
    if string.match(head, '^%d+') ~= one[2] then
      return true
    end
  end
  for _, one in ipairs(follow_up.dropped) do
    if redis.call('HGET', prefix .. ':ticket_heads', one[1]) ~= one[3] then
      return true
    end
  end
  local request = follow_up.receipt[1]
  return request ~= nil and redis.call('EXISTS', prefix .. ':answered:' .. request) == 1
end

local function write_ticket(prefix, one)
  local id, head, place, conversation = one[1], one[3], one[4], one[5]
  local before = redis.call('HGET', prefix .. ':ticket_heads', id)
  if before then
    redis.call('ZREM', prefix .. ':ticket_list:' .. string.match(before, '%a+$'), place)
  end
  redis.call('HSET', prefix .. ':ticket_heads', id, head)
  redis.call('HSET', prefix .. ':tickets', id, one[6])
  redis.call('ZADD', prefix .. ':ticket_list', 0, place)
  redis.call('ZADD', prefix .. ':ticket_list:' .. string.match(head, '%a+$'), 0, place)
  if conversation ~= '' then
    redis.call('ZADD', prefix .. ':ticket_list:of:' .. conversation, 0, place)
  end
end

local function drop_ticket(prefix, one)
  local id, head, place, conversation = one[1], one[3], one[4], one[5]
  redis.call('HDEL', prefix .. ':ticket_heads', id)
  redis.call('HDEL', prefix .. ':tickets', id)
  redis.call('ZREM', prefix .. ':ticket_list', place)
  redis.call('ZREM', prefix .. ':ticket_list:' .. string.match(head, '%a+$'), place)
  if conversation ~= '' then
    redis.call('ZREM', prefix .. ':ticket_list:of:' .. conversation, place)
  end
  redis.call('DEL', prefix .. ':comments:' .. id)
end

local function write_delivery(prefix, one)
  local id, state, due, place = one[1], one[2], one[3], one[4]
  redis.call('HSET', prefix .. ':outbox', id, one[5])
  redis.call('ZADD', prefix .. ':outbox_list', 0, place)
  if state == 'pending' then
    redis.call('ZADD', prefix .. ':outbox_due', due, id)
  else
    redis.call('ZREM', prefix .. ':outbox_due', id)
  end
end

function workflow.write(prefix, follow_up)
  for _, one in ipairs(follow_up.firings) do
    redis.call('HSET', prefix .. ':fired:' .. one[1], one[2], one[4])
    redis.call('EXPIRE', prefix .. ':fired:' .. one[1], FIRED_KEPT)
  end
  for _, one in ipairs(follow_up.tickets) do
    write_ticket(prefix, one)
  end
  for _, one in ipairs(follow_up.dropped) do
    drop_ticket(prefix, one)
  end
  for _, one in ipairs(follow_up.comments) do
    redis.call('RPUSH', prefix .. ':comments:' .. one[1], one[2])
  end
  for _, one in ipairs(follow_up.deliveries) do
    write_delivery(prefix, one)
  end
  if follow_up.receipt[1] then
    local answered = prefix .. ':answered:' .. follow_up.receipt[1]
    redis.call('SET', answered, follow_up.receipt[2], 'EX', follow_up.receipt[3])
  end
end

-- ARGV: engine, token, id, state, due, place in the list, value. One that is gone stays so.
local function put_delivery(prefix, args)
  if redis.call('HEXISTS', prefix .. ':outbox', args[3]) == 0 then
    return 0, false
  end
  write_delivery(prefix, { args[3], args[4], args[5], args[6], args[7] })
  return 1, true
end

-- ARGV: engine, token, id, place in the list.
local function finish_delivery(prefix, args)
  redis.call('HDEL', prefix .. ':outbox', args[3])
  redis.call('ZREM', prefix .. ':outbox_due', args[3])
  redis.call('ZREM', prefix .. ':outbox_list', args[4])
  return 1, true
end

-- ARGV: engine, token, now, until when nobody else gets them, how many. Gives their ids: what is told here is kept for
-- a retry, and what they say shall stand nowhere but in them.
local function claim_due(prefix, args)
  local ids = redis.call('ZRANGEBYSCORE', prefix .. ':outbox_due', '-inf', args[3], 'LIMIT', 0, args[5])
  for _, id in ipairs(ids) do
    redis.call('ZADD', prefix .. ':outbox_due', args[4], id)
  end
  return ids, #ids > 0
end

redis.register_function('yingda_2_put_delivery', once(put_delivery))
redis.register_function('yingda_2_finish_delivery', once(finish_delivery))
redis.register_function('yingda_2_claim_due', once(claim_due))
