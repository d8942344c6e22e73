-- What wrk sends: the body and the headers are on its command line, after the URL.
--   wrk ... --script bench/request.lua URL -- BODY [NAME VALUE]...
-- The result goes to stdout as one line of JSON that starts with "RESULT ".

function init(args)
  wrk.method = "POST"
  wrk.body = args[1]
  wrk.headers["Content-Type"] = "application/json"
  for i = 2, #args - 1, 2 do
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
