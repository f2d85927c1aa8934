-- 1 KB: sixteen lines of 64 bytes.
wrk.method = "POST"
wrk.body = string.rep(string.rep("x", 63) .. "\n", 16)
wrk.headers["Content-Type"] = "text/plain"
