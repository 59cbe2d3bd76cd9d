export function addVerify(): void {}
