-- What wrk sends: pace, body and headers are on its command line, after the URL.
--   wrk ... --script bench/request.lua URL -- PAUSE BODY [NAME VALUE]...
-- PAUSE: so many milliseconds, on average, each connection waits before a request.
-- The result goes to stdout as one line of JSON that starts with "RESULT ".

function init(args)
  local pause = tonumber(args[1])
  if pause > 0 then
    -- Not all connections at the same time.
    function delay() return math.random(0, 2 * pause) end
  end
  wrk.method = "POST"
  wrk.body = args[2]
  wrk.headers["Content-Type"] = "application/json"
  for i = 3, #args - 1, 2 do
    wrk.headers[args[i]] = args[i + 1]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,'
      .. '"refused":%d,"broken":%d,"timed_out":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write, errors.timeout))
end
