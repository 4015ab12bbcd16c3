-- A question about one of very many: {student}, {id} and {cursor} are another one each time.
local template = os.getenv("TEMPLATE")
local rows = tonumber(os.getenv("ROWS"))
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

local function base64url(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    local digits = b and (c and 4 or 3) or 2
    for d = 1, digits do
      local v = math.floor(n / 64 ^ (4 - d)) % 64
      out[#out + 1] = alphabet:sub(v + 1, v + 1)
    end
  end
  return table.concat(out)
end

function request()
  local n = math.random(0, rows - 1)
  local id = string.format("%08x-0000-7000-8000-000000000000", n)
  local path = template:gsub("{student}", "student" .. n % math.floor(rows / 4)):gsub("{id}", id)
  return wrk.format("GET", (path:gsub("{cursor}", base64url(id))))
end

function done(summary, latency)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("figures %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status + failed, latency:percentile(50), latency:percentile(99)))
end
