-- Requests for wrk. Arguments: the text that stands for an event id, the text that
-- stands for a machine id, then files with one request each, which are sent in turn.

local SLOTS = 10000 -- machines at a time
local LIFE = 3 -- requests with the same machine id, on average

local templates, machines, turn = {}, {}, 0

local function random_id()
  local r = math.random
  return string.format("%08x%08x%08x%08x", r(0, 4294967295), r(0, 4294967295),
    r(0, 4294967295), r(0, 4294967295))
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- The pieces of a request between ids, and which id follows each piece.
local function parse(text, event, machine)
  local pieces, ids, from = {}, {}, 1
  while true do
    local e, m = text:find(event, from, true), text:find(machine, from, true)
    local at = math.min(e or math.huge, m or math.huge)
    if at == math.huge then break end
    pieces[#pieces + 1] = text:sub(from, at - 1)
    ids[#ids + 1] = at == e and "event" or "machine"
    from = at + (at == e and #event or #machine)
  end
  return { pieces = pieces, ids = ids, rest = text:sub(from) }
end

function init(args)
  local seed = assert(io.open("/dev/urandom", "rb")):read(4)
  local a, b, c, d = seed:byte(1, 4)
  math.randomseed(((a * 256 + b) * 256 + c) * 256 + d)
  for n = 3, #args do
    templates[#templates + 1] = parse(read(args[n]), args[1], args[2])
  end
  for n = 1, SLOTS do machines[n] = random_id() end
end

function request()
  turn = turn % #templates + 1
  local slot = math.random(SLOTS)
  if math.random(LIFE) == 1 then machines[slot] = random_id() end
  local template, text = templates[turn], ""
  for n, piece in ipairs(template.pieces) do
    local id = template.ids[n] == "event" and random_id() or machines[slot]
    text = text .. piece .. id
  end
  return text .. template.rest
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"connect":%d,"read":%d,"write":%d,' ..
    '"timeout":%d,"status":%d}\n', summary.requests, summary.duration, e.connect,
    e.read, e.write, e.timeout, e.status))
end
