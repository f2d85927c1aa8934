-- One request for each of 1,000 routes, in turn. They are written once: what is left per request is an index.
local requests = {}
local count = 1000
local last = 0

function init(args)
  wrk.headers["apikey"] = "bench-key"
  for i = 1, count do
    requests[i] = wrk.format("GET", "/r/" .. (i - 1))
  end
end

function request()
  last = last % count + 1
  return requests[last]
end
