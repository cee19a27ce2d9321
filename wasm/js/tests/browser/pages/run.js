/** Runs the scenario that the page's address names, and writes what came of it to the console. */

const violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});

const parameters = new URLSearchParams(location.search);

async function outcome() {
  try {
    const scenarios = await import(`./${parameters.get("file")}.js`);
    return {
      value: await scenarios[parameters.get("scenario")](JSON.parse(decodeURIComponent(location.hash.slice(1)))),
    };
  } catch (error) {
    return {
      error: { name: error.name, message: error.message, code: error.code, details: error.details, stack: error.stack },
    };
  }
}

const result = await outcome();
console.info(`outcome ${JSON.stringify({ ...result, violations, isolated: crossOriginIsolated })}`);
