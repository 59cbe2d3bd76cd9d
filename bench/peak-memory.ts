// Loaded before a measured program: says at its end how much memory it had resident at most.
process.on('exit', () => process.stderr.write(`peak resident memory ${Math.round(process.resourceUsage().maxRSS / 1024)} MB\n`));
