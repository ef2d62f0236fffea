/** Of answers that are written as JSON here. */
export const JSON_TYPE = 'application/json; charset=utf-8'
