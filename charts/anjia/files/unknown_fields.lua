-- Refuses a JSON body with a field that its message does not have: the transcoder would drop it, and its sender believe that it was
-- heard. Runs after the transcoder, when the method is known; the body was kept aside before it. Strict where the transcoder is lax
-- (keys without quotes, single quotes): what is no JSON is refused, too.

-- Of each method its request, of each message its fields by both of their names: `anjia openapi --files` makes it of the contracts.
local contracts = dofile("${FILES}/fields.lua")

local value

-- Where the text goes on after blanks, and with what.
local function past_blanks(text, at)
  at = text:find("[^ \t\r\n]", at) or #text + 1
  return at, text:sub(at, at)
end

-- The string that begins here, as it is written, and where it ends.
local function quoted(text, at)
  if text:sub(at, at) ~= '"' then error({"is not JSON"}) end
  local here = at + 1
  while true do
    local stop = text:find('["\\]', here)
    if not stop then error({"is not JSON"}) end
    if text:sub(stop, stop) == '"' then return text:sub(at + 1, stop - 1), stop + 1 end
    here = stop + 2
  end
end

-- Each below returns where the text goes on. `fields` are those of the message meant; nil where nothing more is known of it.

local function object(text, at, fields)
  local first
  at, first = past_blanks(text, at)
  if first == "}" then return at + 1 end
  while true do
    local key, mark
    key, at = quoted(text, at)
    if fields and fields[key] == nil then error({"has no field " .. key:sub(1, 64)}) end
    at, mark = past_blanks(text, at)
    if mark ~= ":" then error({"is not JSON"}) end
    at, mark = past_blanks(text, value(text, at + 1, fields and contracts.messages[fields[key]]))
    if mark == "}" then return at + 1 end
    if mark ~= "," then error({"is not JSON"}) end
    at = past_blanks(text, at + 1)
  end
end

local function array(text, at, fields)
  local mark
  at, mark = past_blanks(text, at)
  if mark == "]" then return at + 1 end
  while true do
    at, mark = past_blanks(text, value(text, at, fields))
    if mark == "]" then return at + 1 end
    if mark ~= "," then error({"is not JSON"}) end
    at = at + 1
  end
end

value = function(text, at, fields)
  local first
  at, first = past_blanks(text, at)
  if first == "{" then return object(text, at + 1, fields) end
  if first == "[" then return array(text, at + 1, fields) end
  if first == '"' then return select(2, quoted(text, at)) end
  local _, stop = text:find("^[%w.+-]+", at)
  if not stop then error({"is not JSON"}) end
  return stop + 1
end

function envoy_on_request(handle)
  local kept = handle:streamInfo():dynamicMetadata():get("anjia.body")
  local message = contracts.methods[handle:headers():get(":path")]
  if not kept or not message then return end
  local text = kept.json
  local is_known, why = pcall(function()
    if past_blanks(text, value(text, 1, contracts.messages[message])) <= #text then error({"is not JSON"}) end
  end)
  if not is_known then
    handle:respond({[":status"] = "400"}, message .. " " .. (type(why) == "table" and why[1] or "is not JSON"))
  end
end
