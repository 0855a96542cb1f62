-- wrk posts the lines of a file, each a signed transaction in base64, to a node; every thread has its own lines.

local threads = 0

function setup(thread)
   thread:set("own", threads)
   threads = threads + 1
end

function init(args)
   local file, step = args[1], tonumber(args[2])
   local place = 0
   lines, at = {}, 0
   for line in io.lines(file) do
      if place % step == own then
         lines[#lines + 1] = line
      end
      place = place + 1
   end
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   at = at % #lines + 1
   local call = '{"jsonrpc":"2.0","id":1,"method":"broadcast_tx_sync","params":{"tx":"' .. lines[at] .. '"}}'
   return wrk.format(nil, "/", nil, call)
end
