-- Checks and applies one batch of optimistic transactions, in order; the only Lua there is.
-- KEYS: outcomes of this process, counter, digest, open instances, replicated records, changes, turn, how much of the changes is kept
-- ARGV: batch number, batches remembered, seconds they are remembered, changes kept, whether it can write (1 or 0), batch,
-- milliseconds a claim holds, bytes of changes kept
-- Answers "COUNTER|FAILED;FAILED;..": of each transaction the positions of its failed checks with commas between, none when it
-- happened. A batch of a number seen before is not applied again: it is answered as it was.
local call, unpackFields = redis.call, struct.unpack
local outcomes, counterKey, digestKey, openKey, stateKey, changesKey, turnKey, keptKey = unpack(KEYS)
local number, canWrite, batch = ARGV[1], ARGV[5] == '1', ARGV[6]
local seat = tostring(tonumber(number) % tonumber(ARGV[2]))

if canWrite then
  local known = call('HGET', outcomes, seat)
  if known then
    local colon = string.find(known, ':', 1, true)
    local knownNumber = string.sub(known, 1, colon - 1)
    if knownNumber == number then return string.sub(known, colon + 1) end
    if tonumber(knownNumber) > tonumber(number) then return redis.error_reply('FORGOTTEN batch ' .. number) end
  end
end

-- Arguments after the key for one command, read from the batch; `score` puts one before each.
local function collect(count, field, pos, score)
  local list = {}
  for _ = 1, count do
    local item
    item, pos = unpackFields(field, batch, pos)
    if score then list[#list + 1] = '0' end
    list[#list + 1] = item
  end
  return list, pos
end
-- Lua's stack bounds how many arguments go in one call.
local function callMany(command, key, list)
  for from = 1, #list, 4000 do
    call(command, key, unpack(list, from, math.min(from + 3999, #list)))
  end
end

-- A record that a process which kept losing has claimed: "PROCESS\nRECORD".
local turn = call('GET', turnKey)
local claimed, isOurs
if turn then
  local line = string.find(turn, '\n', 1, true)
  claimed, isOurs = string.sub(turn, line + 1), string.sub(turn, 1, line - 1) == outcomes
end
-- Whether one of the records put or dropped is claimed by another process.
local function yields(puts, drops, pos)
  if not claimed or isOurs then return false end
  for i = 1, puts + drops do
    local name, _
    if i <= puts then
      name, _, pos = unpackFields('>I2c0I4c0', batch, pos)
    else
      name, pos = unpackFields('>I2c0', batch, pos)
    end
    if name == claimed then return true end
  end
  return false
end

-- How many changes are kept, and their bytes; nil until one is appended.
local keptCount, keptBytes
-- Appends one change, and drops the oldest, some at a time, where there are too many or too large ones. The command that appends
-- drops too: Redis users made for older builds may do no more.
local function append(bytes)
  if not keptCount then
    local kept = call('GET', keptKey) or '0 0'
    local space = string.find(kept, ' ', 1, true)
    keptCount, keptBytes = tonumber(string.sub(kept, 1, space)), tonumber(string.sub(kept, space))
  end
  keptCount, keptBytes = keptCount + 1, keptBytes + #bytes
  local from, first = '-', '0-0'
  while keptCount > tonumber(ARGV[4]) or keptBytes > tonumber(ARGV[8]) do
    local oldest = call('XRANGE', changesKey, from, '+', 'COUNT', 8)
    if #oldest == 0 then
      keptCount, keptBytes = 1, #bytes
      break
    end
    for _, entry in ipairs(oldest) do
      keptCount, keptBytes = keptCount - 1, keptBytes - #entry[2][2]
    end
    local last = oldest[#oldest][1]
    from, first = '(' .. last, string.format('0-%.0f', tonumber(string.sub(last, 3)) + 1)
  end
  -- Positions 0-1, 0-2, ..: without gaps, so a reader sees what was trimmed.
  call('XADD', changesKey, 'MINID', '=', first, '0-*', 'c', bytes)
end

local count, pos = unpackFields('>I4', batch, 1)
local failures, applied = {}, false
local sum = { 0, 0, 0, 0 }
for i = 1, count do
  local size, checks, puts, drops, openAdds, openDrops, openRanges, stateAdds, stateDrops, appends, a, b, c, d, claims
  size, checks, puts, drops, openAdds, openDrops, openRanges, stateAdds, stateDrops, appends, a, b, c, d, claims, pos =
    unpackFields('>I4I2I2I2I2I2I2I2I2I2I4I4I4I4B', batch, pos)
  local following = pos + size
  local failed, lostName
  for check = 0, checks - 1 do
    local name, tag
    name, tag, pos = unpackFields('>I2c0Bc0', batch, pos)
    if call('GETRANGE', name, 0, 11) ~= tag then
      failed = failed and (failed .. ',' .. check) or tostring(check)
      lostName = lostName or name
    end
  end
  if not failed and yields(puts, drops, pos) then failed = tostring(checks) end
  failures[i] = failed or ''
  if claims == 1 then
    -- Only a hint: where memory is short it may fail.
    if lostName then redis.pcall('SET', turnKey, outcomes .. '\n' .. lostName, 'PX', ARGV[7], 'NX') end
    if not failed and isOurs then
      call('DEL', turnKey)
      claimed = nil
    end
  end
  if not failed then
    local list
    for _ = 1, puts do
      local name, bytes
      name, bytes, pos = unpackFields('>I2c0I4c0', batch, pos)
      call('SET', name, bytes)
    end
    for _ = 1, drops do
      local name
      name, pos = unpackFields('>I2c0', batch, pos)
      call('DEL', name)
    end
    list, pos = collect(openAdds, '>I2c0', pos, true)
    callMany('ZADD', openKey, list)
    list, pos = collect(openDrops, '>I2c0', pos)
    callMany('ZREM', openKey, list)
    for _ = 1, openRanges do
      local from, to
      from, to, pos = unpackFields('>I2c0I2c0', batch, pos)
      call('ZREMRANGEBYLEX', openKey, '[' .. from, '[' .. to)
    end
    list, pos = collect(stateAdds, '>I2c0', pos, true)
    callMany('ZADD', stateKey, list)
    list, pos = collect(stateDrops, '>I2c0', pos)
    callMany('ZREM', stateKey, list)
    for _ = 1, appends do
      local bytes
      bytes, pos = unpackFields('>I4c0', batch, pos)
      append(bytes)
    end
    sum[1], sum[2], sum[3], sum[4] = sum[1] + a, sum[2] + b, sum[3] + c, sum[4] + d
    if puts + drops + openAdds + openDrops + openRanges + stateAdds + stateDrops + appends > 0 then applied = true end
  end
  pos = following
end

if keptCount then call('SET', keptKey, string.format('%.0f %.0f', keptCount, keptBytes)) end

if sum[1] + sum[2] + sum[3] + sum[4] > 0 then
  local limbs = { 0, 0, 0, 0 }
  local digest = call('GET', digestKey)
  if digest then limbs = { unpackFields('>I4I4I4I4', digest) } end
  local carry = 0
  for i = 4, 1, -1 do
    local total = limbs[i] + sum[i] + carry
    limbs[i] = total % 4294967296
    carry = math.floor(total / 4294967296)
  end
  call('SET', digestKey, struct.pack('>I4I4I4I4', limbs[1], limbs[2], limbs[3], limbs[4]))
end

local reply = table.concat(failures, ';')
if not canWrite then return (call('GET', counterKey) or '0') .. '|' .. reply end
local counter = applied and call('INCR', counterKey) or call('GET', counterKey) or 0
reply = string.format('%.0f', tonumber(counter)) .. '|' .. reply
local isNew = call('HSET', outcomes, seat, number .. ':' .. reply)
if isNew == 1 or seat == '0' then call('EXPIRE', outcomes, ARGV[3]) end
return reply
